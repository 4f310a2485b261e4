"""A gRPC server in the caller's event loop: explicit limits, health, reflection, errors as status codes.

The one place in Davy where an error becomes a gRPC status.
"""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from davy.domain.errors import (
    AddressUnavailableError,
    ConflictError,
    DavyError,
    DeadlineExceededError,
    FrameTooLargeError,
    ImageTooLargeError,
    InvalidInputError,
    ModelRefusedError,
    OverloadedError,
    UnavailableError,
    UnknownCameraError,
    UnknownModelError,
    UnknownRolloutError,
    UnknownRunError,
    UnknownSampleError,
)
from davy.telemetry import get_logger

log = get_logger(__name__)

MAX_MESSAGE_BYTES = 4_000_000  # a frame is two JPEGs of at most 900,000 bytes each, and its metadata
MAX_CONCURRENT_RPCS = 2048  # 200 edges hold two streams each; one costs some 50 kB
KEEPALIVE_S = 10.0
STOP_GRACE_S = 2.0

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # the class is generic in its stub only

RegisterServices = Callable[[grpc.aio.Server], Sequence[str]]
"""Adds servicers to the server; returns their full names ("davy.v1.IngestService"), which health and reflection then tell."""

_STATUS_OF: Sequence[tuple[type[DavyError], grpc.StatusCode]] = (  # the first that fits
    (UnknownCameraError, grpc.StatusCode.NOT_FOUND),
    (UnknownModelError, grpc.StatusCode.NOT_FOUND),
    (UnknownRolloutError, grpc.StatusCode.NOT_FOUND),
    (UnknownSampleError, grpc.StatusCode.NOT_FOUND),
    (UnknownRunError, grpc.StatusCode.NOT_FOUND),
    (ConflictError, grpc.StatusCode.FAILED_PRECONDITION),
    (ModelRefusedError, grpc.StatusCode.INVALID_ARGUMENT),
    (ImageTooLargeError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (FrameTooLargeError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (InvalidInputError, grpc.StatusCode.INVALID_ARGUMENT),
    (OverloadedError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (DeadlineExceededError, grpc.StatusCode.DEADLINE_EXCEEDED),
    (UnavailableError, grpc.StatusCode.UNAVAILABLE),
    (DavyError, grpc.StatusCode.INTERNAL),
)


async def serve_grpc(
    host: str,
    port: int,
    register: RegisterServices,
    ready: Callable[[int], None] | None = None,
    *,
    max_message_bytes: int = MAX_MESSAGE_BYTES,
) -> None:
    """Serve until cancelled, then refuse new calls and give running ones STOP_GRACE_S to end.

    Args:
        host: The address to listen on.
        port: 0 takes a free one.
        register: Adds the services. Servicer methods are coroutines (one answer) or async generators (a stream); a
            DavyError that leaves them reaches the client as a status code with the error's text.
        ready: Called with the real port once calls are answered.
        max_message_bytes: Of one message in either direction; a larger one ends its call with RESOURCE_EXHAUSTED.

    Raises:
        AddressUnavailableError: the port is taken, or the address is not this machine's.
    """
    server = grpc.aio.server(
        interceptors=(_ErrorsToStatus(),),
        options=_options(max_message_bytes),
        maximum_concurrent_rpcs=MAX_CONCURRENT_RPCS,
    )
    names = list(register(server))
    health_servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise AddressUnavailableError(f"grpc://{host}:{port}", "the port is taken, or the address is not here") from error
    await server.start()
    try:
        for name in names:
            await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
        log.info("grpc.listening", host=host, port=bound, services=names)
        if ready is not None:
            ready(bound)
        await server.wait_for_termination()
    finally:
        await asyncio.shield(_stop(server, health_servicer))


async def _stop(server: grpc.aio.Server, health_servicer: health.aio.HealthServicer) -> None:
    await health_servicer.enter_graceful_shutdown()
    await server.stop(STOP_GRACE_S)


def _options(max_message_bytes: int) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.max_metadata_size", 16_384),
        ("grpc.so_reuseport", 0),  # without it a second server takes half of the calls instead of failing
        ("grpc.keepalive_time_ms", int(KEEPALIVE_S * 1000)),
        ("grpc.keepalive_timeout_ms", int(KEEPALIVE_S * 500)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", int(KEEPALIVE_S * 100)),
        ("grpc.http2.max_ping_strikes", 0),  # pings that a busy link delivers in a bunch end no stream
    ]


def status_of(error: DavyError) -> grpc.StatusCode:
    """The status code that tells a client what to do about the error."""
    return next(code for kind, code in _STATUS_OF if isinstance(error, kind))


class _ErrorsToStatus(grpc.aio.ServerInterceptor):
    """Ends a call with the status of the DavyError that its servicer raised."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Answer] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Answer] | None:
        handler: Any = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith("/davy."):
            return handler  # type: ignore[no-any-return]
        kind = f"{_arity(handler.request_streaming)}_{_arity(handler.response_streaming)}"  # "unary_stream"
        wrap = _wrap_stream if handler.response_streaming else _wrap_unary
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        read = handler.request_deserializer if handler.request_streaming else _keep_fault(handler.request_deserializer)
        return make(wrap(getattr(handler, kind)), read, handler.response_serializer)  # type: ignore[no-any-return]


def _keep_fault(deserialize: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Hand bytes that are no protobuf on as their error: raised here, gRPC would answer it with UNKNOWN."""

    def read(data: bytes) -> object:
        try:
            return deserialize(data)
        except DecodeError as error:
            return error

    return read


def _check(request: object) -> None:
    if isinstance(request, DecodeError):
        raise request


def _arity(streaming: bool) -> str:
    return "stream" if streaming else "unary"


def _wrap_unary(method: Callable[[object, Context], Awaitable[Answer]]) -> Callable[[object, Context], Awaitable[Answer]]:
    async def call(request: object, context: Context) -> Answer:
        try:
            _check(request)
            return await method(request, context)
        except (DavyError, DecodeError) as error:
            return await _abort(context, error)

    return call


def _wrap_stream(
    method: Callable[[object, Context], AsyncGenerator[Answer, None]],
) -> Callable[[object, Context], AsyncGenerator[Answer, None]]:
    async def call(request: object, context: Context) -> AsyncGenerator[Answer, None]:
        try:
            _check(request)
            async with aclosing(method(request, context)) as answers:
                async for answer in answers:
                    yield answer
        except (DavyError, DecodeError) as error:
            await _abort(context, error)

    return call


async def _abort(context: Context, error: DavyError | DecodeError) -> NoReturn:
    if isinstance(error, DecodeError):
        error = InvalidInputError(f"the message is no protobuf of the expected type: {error}")
    code = status_of(error)
    log.warning("grpc.refused", peer=context.peer(), code=code.name, error=str(error))
    await context.abort(code, str(error))
    raise AssertionError("abort raises")
