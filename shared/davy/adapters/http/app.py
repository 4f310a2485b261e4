"""HTTP for every service: errors as RFC 9457 problems, a limit on bodies, one way to serve an app.

Only this module turns an error of davy.domain.errors into a status code.
"""

import asyncio
import contextlib
import re
import socket
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from davy.domain import errors
from davy.telemetry import get_logger

log = get_logger(__name__)

PROBLEM_TYPE = "application/problem+json"
GRACE_S = 1.0  # an answer under way may take this long after a stop; a live stream never ends by itself and is cut then

WEBSOCKET_BYTES = 65_536
SEND_BUFFER_BYTES = 524_288  # per connection; the kernel's own 4 MB hold seconds of live pictures for a slow client

# The nearest class in an error's ancestry decides.
_STATUS: Mapping[type[errors.DavyError], HTTPStatus] = {
    errors.DavyError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.ConfigError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UnsupportedImageError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.NotAcceptableError: HTTPStatus.NOT_ACCEPTABLE,
    errors.ImageTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.FrameTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.UnknownCameraError: HTTPStatus.NOT_FOUND,
    errors.UnknownModelError: HTTPStatus.NOT_FOUND,
    errors.UnknownRolloutError: HTTPStatus.NOT_FOUND,
    errors.UnknownSampleError: HTTPStatus.NOT_FOUND,
    errors.UnknownEdgeError: HTTPStatus.NOT_FOUND,
    errors.UnknownConfigError: HTTPStatus.NOT_FOUND,
    errors.UnknownRunError: HTTPStatus.NOT_FOUND,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.ChangedMeanwhileError: HTTPStatus.PRECONDITION_FAILED,
    errors.ModelRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StorageFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.DeadlineExceededError: HTTPStatus.GATEWAY_TIMEOUT,
    errors.CameraError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: errors.DavyError) -> HTTPStatus:
    """The status code that an error of Davy's is answered with."""
    return next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "",
    title: str = "",
    instance: str = "",
    headers: Mapping[str, str] | None = None,
    **members: object,
) -> JSONResponse:
    """An RFC 9457 answer.

    Args:
        status: HTTP status code, 400 to 599.
        detail: what is wrong here and what to do, for a person.
        kind: kebab-case name of the problem's type; empty means that the status says it all (about:blank).
        title: the same for every problem of this type; the status' phrase where empty.
        instance: the path of the request.
        headers: further headers of the answer.
        members: further members of the problem, facts for a program.
    """
    body = {
        "type": f"urn:davy:problem:{kind}" if kind else "about:blank",
        "title": title or HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **({"instance": instance} if instance else {}),
        **members,
    }
    return JSONResponse(body, status, dict(headers or {}), media_type=PROBLEM_TYPE)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What FastAPI's `responses=` needs for OpenAPI to say that these statuses come as problems."""
    schema = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {name: {"type": "string"} for name in ("type", "title", "detail", "instance")}
        | {"status": {"type": "integer"}},
    }
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {PROBLEM_TYPE: {"schema": schema}}} for status in statuses
    }


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of this app as a problem. Call once, before the app is served."""
    app.add_exception_handler(errors.DavyError, _on_davy_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_middleware(_LastResort)


def install_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    """Serve the registry at GET /metrics, in the text format that the scraper asks for."""

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    app.add_api_route("/metrics", metrics, methods=["GET"], include_in_schema=False)


def problem_of(error: errors.DavyError, instance: str = "") -> JSONResponse:
    """The answer to an error of Davy's: its class gives type and title, its text the detail."""
    status = status_of(error)
    words = re.findall(r"[A-Z][a-z0-9]*", type(error).__name__.removesuffix("Error"))
    headers = {"Retry-After": "1"} if isinstance(error, errors.UnavailableError) else None
    return problem(
        status,
        str(error),
        kind="-".join(words).lower(),
        title=" ".join(words).capitalize(),
        instance=instance,
        headers=headers,
    )


async def _on_davy_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.DavyError)
    if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("request_failed", method=request.method, path=request.url.path, reason=str(error))
    return problem_of(error, request.url.path)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail
    if detail == phrase and error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"nothing is at {request.url.path}"
    elif detail == phrase and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"{request.url.path} does not take {request.method}: use {allowed}"
    if error.status_code < HTTPStatus.BAD_REQUEST:  # 304 and the like have no body
        return Response(status_code=error.status_code, headers=error.headers)
    return problem(error.status_code, detail, instance=request.url.path, headers=error.headers)


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = [
        {"in": str(fault["loc"][0]), "pointer": _pointer(fault["loc"][1:]), "detail": fault["msg"]} for fault in error.errors()
    ]
    detail = "; ".join(f"{fault['in']} {fault['pointer'].removeprefix('#/')}: {fault['detail']}" for fault in faults)
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        detail,
        kind="invalid-request",
        title="Invalid request",
        instance=request.url.path,
        errors=faults,
    )


def _pointer(parts: Sequence[str | int]) -> str:
    """A JSON pointer as a URI fragment (RFC 6901, section 6)."""
    return "#/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in parts)


class _LastResort:
    """Answers an error that nobody expected with a 500 whose id stands in the log; nothing of the error itself goes out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, note_start)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception:
            problem_id = uuid.uuid4().hex
            log.exception("unexpected_error", problem_id=problem_id, method=scope["method"], path=scope["path"])
            if started:
                raise  # the answer is half sent: the server breaks the connection, so that the client can tell
            detail = f"an unexpected error; whoever runs this service finds it in the log under {problem_id}"
            await problem(500, detail, instance=scope["path"], id=problem_id)(scope, receive, send)


class BodyLimit:
    """ASGI middleware: a body over `limit_bytes` is answered with 413, by its Content-Length before a byte of it is read,
    else at the first byte too many. What still comes is read by the server and thrown away, so that the client gets to
    read the answer. `larger` has the limits of paths that stream to disk."""

    def __init__(self, app: ASGIApp, limit_bytes: int, larger: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.limit_bytes = limit_bytes
        self.larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit_bytes = self.larger.get(scope["path"], self.limit_bytes)
        refusal = problem_of(errors.BodyTooLargeError(limit_bytes), scope["path"])
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
                raise errors.BodyTooLargeError(limit_bytes)
            return message

        async def pass_on(message: Message) -> None:
            nonlocal started
            if received > limit_bytes and not started:
                return  # whatever the app made of it, a form parser's 400 for example, the answer is 413
            started = True
            await send(message)

        with contextlib.suppress(errors.BodyTooLargeError):
            await self.app(scope, count, pass_on)
        if received > limit_bytes and not started:
            await refusal(scope, receive, send)


async def serve_app(
    app: ASGIApp,
    host: str,
    port: int,
    ready: Callable[[int], None] | None = None,
    *,
    access_log: bool = False,
    websockets: bool = False,
) -> None:
    """Serve until cancelled; then finish the answers under way, for GRACE_S at most.

    Runs in the caller's event loop, leaves signals to the caller and sends no lifespan events: what the app needs is
    passed to it before.

    Args:
        port: 0 takes a free one.
        ready: called with the real port as soon as connections are taken.
        websockets: take WebSocket connections too; a message from a client has at most WEBSOCKET_BYTES.

    Raises:
        AddressUnavailableError: host and port cannot be listened on.
    """
    listener = _listen(host, port)
    config = uvicorn.Config(
        _Endable(app),
        http="h11",
        ws="websockets-sansio" if websockets else "none",
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
        log.info("http.listening", host=host, port=bound)
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


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise errors.AddressUnavailableError(f"{host}:{port}", error.strerror or str(error)) from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted connections inherit it
    return listener
