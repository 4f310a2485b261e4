"""Cookies that no script, no other site and no plain wire of a secured service gets."""

from fastapi import Request, Response


def set_cookie(request: Request, response: Response, name: str, value: str, max_age_s: int | None = None) -> None:
    """Set a cookie.

    Args:
        request: Whose scheme decides whether the cookie is for https alone.
        response: Carries it.
        name: Its name.
        value: Its value.
        max_age_s: Its life in s; None ends it with the browser.
    """
    secure = is_secure(request)
    response.set_cookie(name, value, max_age_s, secure=secure, httponly=True, samesite="strict", path="/")


def is_secure(request: Request) -> bool:
    """Return whether a request came over https."""
    return request.url.scheme == "https"
