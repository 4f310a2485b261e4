"""Serves an ASGI app in the caller's event loop."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from davy.adapters.addresses import listen
from davy.adapters.http.connections import BoundedListener, ConnectionLimits
from davy.adapters.http.peers import http_protocol, websocket_protocol
from davy.adapters.http.time_limits import TimedProtocol, TimeLimits
from davy.adapters.tls.contexts import server_context
from davy.adapters.tls.identity_files import Tls
from davy.telemetry import get_logger

log = get_logger(__name__)

GRACE_S = 1.0  # an answer under way may take this long after a stop; a live stream never ends by itself and is cut then
WEBSOCKET_BYTES = 65_536
CONNECTIONS, TIMES = ConnectionLimits(), TimeLimits()
SEND_BUFFER_BYTES = 524_288  # per connection; the kernel's own 4 MB hold seconds of live pictures for a slow client


async def serve_app(
    app: ASGIApp,
    host: str,
    port: int,
    ready: Callable[[int], None] | None = None,
    *,
    access_log: bool = False,
    websockets: bool = False,
    tls: Tls | None = None,
    connections: ConnectionLimits = CONNECTIONS,
    times: TimeLimits = TIMES,
) -> None:
    """Serve until cancelled; then finish the running answers, for GRACE_S at most.

    It runs in the caller's event loop, leaves signals to the caller and sends no lifespan events.

    Args:
        app: The app to serve.
        host: The address to listen on.
        port: 0 chooses a free one.
        ready: Called with the port as soon as connections are accepted.
        access_log: Log every request.
        websockets: Accept WebSocket connections too; a client's message has at most WEBSOCKET_BYTES.
        tls: The own identity for HTTPS; None serves HTTP. `davy.adapters.http.peers.peer` reads a caller's identity.
        connections: Limits of connections, of one address and of all.
        times: Limits of the time that a client may take.

    Raises:
        AddressUnavailableError: host and port cannot be listened on.
    """
    listener = BoundedListener(listen(host, port), connections)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted connections inherit it
    timed = type("TimedProtocol", (TimedProtocol,), {"limits": times})
    config = uvicorn.Config(
        _Endable(app),
        http=http_protocol(tls, times) if tls is not None else timed,
        timeout_keep_alive=times.idle_s,  # type: ignore[arg-type]  # handed to loop.call_later
        ws=(websocket_protocol(tls) if tls is not None else "websockets-sansio") if websockets else "none",
        ssl_context_factory=(lambda *_: server_context(tls)) if tls is not None else None,
        ws_max_size=WEBSOCKET_BYTES,
        ws_per_message_deflate=False,  # JPEGs do not shrink
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=access_log,
        proxy_headers=False,
        server_header=False,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]), name="http.serve")
    try:
        bound = listener.getsockname()[1]
        log.info("http.listening", host=host, port=bound, tls=tls is not None)
        if ready:
            ready(bound)
        await asyncio.shield(running)
    finally:
        server.should_exit = True
        await asyncio.wait({running}, timeout=GRACE_S)
        await _cut(server)
        await running


async def _cut(server: uvicorn.Server) -> None:
    """End what did not end by itself: first the answers, then connections whose client does not read."""
    tasks = list(server.server_state.tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_S)
    for connection in list(server.server_state.connections):
        if connection.transport is not None:
            connection.transport.abort()


class _Endable:
    """Lets the server cancel an answer: a stream ends properly then, instead of with a traceback in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        streaming = False

        async def note_stream(message: Message) -> None:
            nonlocal streaming
            if message["type"] == "http.response.start":
                streaming = b"content-length" not in dict(message.get("headers", ()))
            elif message["type"] == "http.response.body":
                streaming = streaming and message.get("more_body", False)
            await send(message)

        try:
            await self.app(scope, receive, note_stream)
        except asyncio.CancelledError:
            if not streaming:
                raise
            await send({"type": "http.response.body", "body": b""})


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
