"""Streaming responses, counted while open and closed as soon as the client disconnects."""

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, aclosing

from fastapi.responses import StreamingResponse
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.types import Receive, Scope, Send

PING_S = 15  # proxies close a silent connection after 30 to 60 s


class CountedStream(StreamingResponse):
    """A streaming response in a context manager; an error on entry becomes an ordinary error response."""

    def __init__(self, body: AsyncGenerator[bytes, None], opened: AbstractContextManager[None], media_type: str) -> None:
        super().__init__(body, media_type=media_type, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._body, self._opened = body, opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._opened:
            async with aclosing(self._body):
                await super().__call__(scope, receive, send)


class CountedEvents(EventSourceResponse):
    """A CountedStream of server-sent events; bytes are events that are encoded already."""

    def __init__(self, body: AsyncGenerator[ServerSentEvent | bytes, None], opened: AbstractContextManager[None]) -> None:
        super().__init__(body, ping=PING_S)
        self._body, self._opened = body, opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._opened:
            async with aclosing(self._body):
                await super().__call__(scope, receive, send)
