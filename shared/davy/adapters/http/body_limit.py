"""A limit on request bodies."""

import contextlib
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from davy.adapters.http.problems import problem_of
from davy.domain.errors import BodyTooLargeError


class BodyLimit:
    """ASGI middleware that answers a body over the limit with 413.

    It refuses by Content-Length before a byte is read, else at the first byte beyond the limit. The server reads and discards
    the rest of the body, so that the client can read the answer.

    Args:
        app: The wrapped app.
        limit_bytes: The limit of every path that `larger` does not name.
        larger: The limits of paths that stream to disk.
    """

    def __init__(self, app: ASGIApp, limit_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.limit_bytes = limit_bytes
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless its body is too large."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit_bytes = self.larger.get(scope["path"], self.limit_bytes)
        refusal = problem_of(BodyTooLargeError(limit_bytes), scope["path"])
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit_bytes:
            await refusal(scope, receive, send)
            return
        received = 0
        started = False

        async def count(_: object = None) -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit_bytes:
                raise BodyTooLargeError(limit_bytes)
            return message

        async def pass_on(message: Message) -> None:
            nonlocal started
            if received > limit_bytes and not started:
                return  # the answer is 413, even if the app answers otherwise, such as a form parser's 400
            started = True
            await send(message)

        with contextlib.suppress(BodyTooLargeError):
            await self.app(scope, count, pass_on)
        if received > limit_bytes and not started:
            await refusal(scope, receive, send)
