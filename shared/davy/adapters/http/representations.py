"""Representations of one resource: conditional requests, and compression of text.

Source: RFC 9110, sections 8.4.1.3 (gzip), 8.8.3 (ETag), 13.1.2 (If-None-Match) and 15.4.5 (304).
"""

from http import HTTPStatus

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SMALLEST_BYTES = 1000  # of an answer that is compressed: less would save no packet
LEVEL = 5  # of zlib: 9 takes three times as long for 1 % less
INCOMPRESSIBLE = (*DEFAULT_EXCLUDED_CONTENT_TYPES, "multipart/*")  # a live stream is JPEGs
KEPT = frozenset({b"cache-control", b"content-location", b"date", b"etag", b"expires", b"vary"})  # headers of a 304


def install_representations(app: FastAPI) -> None:
    """Answer conditional requests with 304, and compress text for clients that take gzip. Call before `protect`."""
    app.add_middleware(ConditionalRequests)
    app.add_middleware(Compression)


class ConditionalRequests:
    """ASGI middleware that answers GET and HEAD with 304 where the client has the representation.

    It leaves the ids of configurations alone, see `_is_version`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; its answer ends with the header if nothing has changed."""
        wanted = Headers(scope=scope).get("if-none-match", "") if scope["type"] == "http" else ""
        if not wanted or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        unchanged = False

        async def send_changes(message: Message) -> None:
            nonlocal unchanged
            if message["type"] == "http.response.start" and message["status"] == HTTPStatus.OK:
                headers = Headers(raw=message["headers"])
                unchanged = not _is_version(headers) and matches(wanted, headers.get("etag", ""))
                if unchanged:
                    kept = [(name, value) for name, value in message["headers"] if name.lower() in KEPT]
                    await send({**message, "status": HTTPStatus.NOT_MODIFIED.value, "headers": kept})
                    await send({"type": "http.response.body", "body": b""})
            if not unchanged:
                await send(message)

        await self.app(scope, receive, send_changes)


class Compression:
    """ASGI middleware that compresses text by gzip; pictures, packages, live streams and event streams pass as they are.

    The ETag of a compressed representation is weak: its bytes are others than those of the plain one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._gzip = GZipMiddleware(app, SMALLEST_BYTES, LEVEL, exclude_content_types=INCOMPRESSIBLE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and compress its answer."""

        async def send_weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                is_strong = headers.get("etag", "").startswith('"') and not _is_version(headers)
                if headers.get("content-encoding") == "gzip" and is_strong:
                    headers["etag"] = f"W/{headers['etag']}"
            await send(message)

        await self._gzip(scope, receive, send_weakened)


def _is_version(headers: Headers) -> bool:
    """Whether an ETag is the id of a configuration, for If-Match: it says nothing about the rest of its answer."""
    return "cache-control" not in headers and headers.get("content-type", "").startswith("application/json")


def matches(if_none_match: str, etag: str) -> bool:
    """Return whether If-None-Match names an ETag, by weak comparison; "*" names each."""
    if not etag:
        return False
    named = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in named
