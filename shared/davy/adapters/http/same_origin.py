"""Protection against other sites' pages: a page in the operator's browser may neither change nor watch anything."""

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.exceptions import HTTPException
from starlette.requests import HTTPConnection


def is_same_origin(connection: HTTPConnection) -> bool:
    """Return whether a program sends this request, or a page that this very service delivered.

    Browsers add the Origin header by themselves; a page cannot forge it.
    """
    origin = connection.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == connection.headers.get("host")


def same_origin(request: Request) -> None:
    """Refuse a request that a browser sends for a page of another origin. A FastAPI dependency."""
    if not is_same_origin(request):
        raise HTTPException(403, "a page of another origin sent this request: only this service's pages may change anything")
