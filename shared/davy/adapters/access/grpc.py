"""Access control of a gRPC server: one interceptor in front of every method."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import grpc

from davy.access.permissions import GRPC
from davy.access.principal import Principal, become, check
from davy.adapters.access.credentials import Authenticator, Credentials, bearer
from davy.adapters.grpc.interceptor import abort_with
from davy.domain.errors import DavyError, OverloadedError
from davy.streams.guard import CountRefused, Guard

MAX_CALLS = 128  # of one identity at a time; the server has 2,048

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"  # the class is generic in its stub only


class AccessInterceptor(grpc.aio.ServerInterceptor):
    """Lets a call through if the table and the caller's role allow it.

    A caller without an identity gets UNAUTHENTICATED; one without the permission, or a method that no table names,
    PERMISSION_DENIED.

    Args:
        authenticator: Names the caller.
        count_refused: Counts refused calls by their error.
        identity_of: Reads the URI of the caller's certificate from a call; empty for none.
    """

    def __init__(
        self, authenticator: Authenticator, count_refused: CountRefused, identity_of: Callable[[Context], str] = lambda _: ""
    ) -> None:
        self._authenticator, self._identity_of = authenticator, identity_of
        self._guard = Guard("grpc.access", count_refused)
        self._open: Counter[str] = Counter()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Request, Answer] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Request, Answer] | None:
        """Return the method's handler behind the check."""
        handler: Any = await continuation(handler_call_details)
        if handler is None:
            return None  # UNIMPLEMENTED
        kind = "_".join(
            "stream" if streaming else "unary" for streaming in (handler.request_streaming, handler.response_streaming)
        )
        wrap = self._stream if handler.response_streaming else self._unary
        make = getattr(grpc, f"{kind}_rpc_method_handler")
        method = wrap(getattr(handler, kind), handler_call_details.method)
        return make(method, handler.request_deserializer, handler.response_serializer)  # type: ignore[no-any-return]

    async def _principal(self, context: Context, method: str) -> Principal:
        address = context.peer().rpartition(":")[0]  # without the port: one for each connection
        token = _token(context.invocation_metadata() or ())
        principal = await self._authenticator.identify(Credentials("", token, self._identity_of(context), address))
        return check(principal, GRPC.get(method), method).at(address)

    @asynccontextmanager
    async def _admitted(self, context: Context, method: str) -> AsyncIterator[Principal]:
        """Name the caller and count the call against its budget."""
        principal = await self._principal(context, method)
        caller = principal.caller
        if principal.role is not None and self._open[caller] >= MAX_CALLS:
            raise OverloadedError(f"the number of calls of {principal}", MAX_CALLS)
        self._open[caller] += 1
        try:
            yield principal
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    def _unary(self, call: Callable[[object, Context], Awaitable[Answer]], method: str) -> Callable[..., Awaitable[Answer]]:
        async def checked(request: object, context: Context) -> Answer:
            try:
                async with self._admitted(context, method) as principal:
                    become(principal)
                    return await call(request, context)
            except DavyError as error:
                return await abort_with(context, error, self._guard)

        return checked

    def _stream(
        self, call: Callable[[object, Context], AsyncGenerator[Answer, None] | Awaitable[None]], method: str
    ) -> Callable[..., AsyncGenerator[Answer, None]]:
        async def checked(request: object, context: Context) -> AsyncGenerator[Answer, None]:
            try:
                async with self._admitted(context, method) as principal:
                    become(principal)
                    answers = call(request, context)
                    if isinstance(answers, Awaitable):  # a method that writes by itself, such as health's Watch
                        await answers
                        return
                    async with aclosing(answers):
                        async for answer in answers:
                            yield answer
            except DavyError as error:
                await abort_with(context, error, self._guard)

        return checked


def _token(metadata: Iterable[tuple[str, str | bytes]]) -> str:
    return next((bearer(str(value)) for key, value in metadata if key == "authorization"), "")
