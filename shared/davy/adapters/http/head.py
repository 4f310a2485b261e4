"""HEAD on every resource that answers GET."""

import asyncio
import contextlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadRequests:
    """ASGI middleware that answers HEAD with the header of GET, and ends there, for streams too.

    Source: RFC 9110, section 9.3.2.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; of a HEAD request, only the header comes back."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        started = asyncio.Event()

        async def send_header(message: Message) -> None:
            if message["type"] == "http.response.start" and not started.is_set():
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                started.set()

        async def run() -> None:
            await self.app({**scope, "method": "GET"}, receive, send_header)

        answer = asyncio.create_task(run(), name="http.head")
        waiting = asyncio.create_task(started.wait(), name="http.head.started")
        try:
            await asyncio.wait({answer, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if not started.is_set():
                await answer
        finally:
            waiting.cancel()
            answer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await answer
