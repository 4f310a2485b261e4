"""What only the console's own page, or a program, may do: a page of another origin in the operator's browser may not."""

from urllib.parse import urlsplit

from fastapi import Request
from fastapi.exceptions import HTTPException


def same_origin(request: Request) -> None:
    """Refuse a request that a browser sends for a page of another origin."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "this changes something, and the page that asks for it is of another origin")
