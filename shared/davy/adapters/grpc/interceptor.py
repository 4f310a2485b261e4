"""Ends a call with the status code of the error that its servicer raised."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, NoReturn, TypeAlias, TypeVar

import grpc
from google.protobuf.message import DecodeError

from davy.adapters.grpc.handlers import rewrapped
from davy.adapters.status import status_of
from davy.domain.errors import DavyError, InvalidInputError
from davy.streams.guard import Guard

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # the class is generic in its stub only


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every method of Davy's own services."""

    def __init__(self) -> None:
        self._guard = Guard("grpc", lambda _: None)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Answer] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Answer] | None:
        """Return the method's handler, wrapped."""
        handler: Any = await continuation(handler_call_details)
        if handler is None or not handler_call_details.method.startswith("/davy."):
            return handler  # type: ignore[no-any-return]
        read = handler.request_deserializer if handler.request_streaming else _keep_error(handler.request_deserializer)
        unary, stream = partial(_wrap_unary, guard=self._guard), partial(_wrap_stream, guard=self._guard)
        return rewrapped(handler, unary, stream, read)  # type: ignore[no-any-return]


def _keep_error(deserialize: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """Return the error for bytes that are no protobuf: gRPC would answer it with UNKNOWN if it were raised here."""

    def read(data: bytes) -> object:
        try:
            return deserialize(data)
        except DecodeError as error:
            return error

    return read


def _check(request: object) -> None:
    if isinstance(request, DecodeError):
        raise request


def _wrap_unary(
    method: Callable[[object, Context], Awaitable[Answer]], guard: Guard
) -> Callable[[object, Context], Awaitable[Answer]]:
    async def call(request: object, context: Context) -> Answer:
        try:
            _check(request)
            return await method(request, context)
        except (DavyError, DecodeError) as error:
            return await abort_with(context, error, guard)

    return call


def _wrap_stream(
    method: Callable[[object, Context], AsyncGenerator[Answer, None]], guard: Guard
) -> Callable[[object, Context], AsyncGenerator[Answer, None]]:
    async def call(request: object, context: Context) -> AsyncGenerator[Answer, None]:
        try:
            _check(request)
            async with aclosing(method(request, context)) as answers:
                async for answer in answers:
                    yield answer
        except (DavyError, DecodeError) as error:
            await abort_with(context, error, guard)

    return call


async def abort_with(context: Context, error: DavyError | DecodeError, guard: Guard) -> NoReturn:
    """End a call with the status code and the text of an error; the log names it at a bounded rate."""
    guard.refuse(error, peer=context.peer())
    if isinstance(error, DecodeError):
        error = InvalidInputError(f"the message is no protobuf of the expected type: {error}")
    code = grpc.StatusCode[status_of(error).grpc]
    await context.abort(code, str(error))
    raise AssertionError("abort raises")
