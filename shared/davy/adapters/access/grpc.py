"""Access control of a gRPC server: one interceptor in front of every method."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Any, TypeAlias, TypeVar

import grpc
from structlog.contextvars import bind_contextvars

from davy.access.journal import Journal, is_recorded, taking_notes
from davy.access.permissions import GRPC
from davy.access.principal import Principal, become, check
from davy.access.request_id import HEADER, NAME, accept
from davy.adapters.access.credentials import Authenticator, Credentials, bearer
from davy.adapters.access.recording import UNANSWERED, grpc_call
from davy.adapters.grpc.interceptor import abort_with
from davy.adapters.status import status_of
from davy.domain.errors import DavyError, RefusedError
from davy.streams.guard import CountRefused, Guard

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
        journal: Records changes and refused attempts; None for none.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        count_refused: CountRefused,
        identity_of: Callable[[Context], str] = lambda _: "",
        journal: Journal | None = None,
    ) -> None:
        self._authenticator, self._identity_of, self._journal = authenticator, identity_of, journal
        self._guard = Guard("grpc.access", count_refused)

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

    async def _admit(self, request: object, context: Context, method: str) -> Principal:
        """Serve the call under its id and its caller, or end it."""
        metadata = [(key, str(value)) for key, value in context.invocation_metadata() or ()]
        request_id = accept(next((value for key, value in metadata if key == HEADER), ""))
        bind_contextvars(**{NAME: request_id})  # for the rest of this task, which serves this call alone
        context.set_trailing_metadata(((HEADER, request_id),))
        caller: Principal | None = None
        try:
            caller = await self._authenticator.identify(
                Credentials(token=_token(metadata), identity=self._identity_of(context), address=context.peer())
            )
            principal = check(caller, GRPC.get(method), method)
        except DavyError as error:
            if self._journal is not None and isinstance(error, RefusedError):
                await self._journal.record(grpc_call(method, request, context.peer()).entry(caller, status_of(error).grpc))
            await abort_with(context, error, self._guard)
        become(principal)
        return principal

    def _unary(self, call: Callable[[object, Context], Awaitable[Answer]], method: str) -> Callable[..., Awaitable[Answer]]:
        async def checked(request: object, context: Context) -> Answer:
            principal = await self._admit(request, context, method)
            journal, permission = self._journal, GRPC.get(method)
            if journal is None or permission is None or not is_recorded(method, permission):
                return await call(request, context)
            answer = UNANSWERED
            with taking_notes() as notes:
                try:
                    answered = await call(request, context)
                    answer = "OK"
                except grpc.aio.AbortError:
                    answer = grpc.StatusCode(context.code()).name
                    raise
                finally:
                    written = journal.record(grpc_call(method, request, context.peer()).entry(principal, answer, notes))
                await written
            return answered

        return checked

    def _stream(
        self, call: Callable[[object, Context], AsyncGenerator[Answer, None] | Awaitable[None]], method: str
    ) -> Callable[..., AsyncGenerator[Answer, None]]:
        async def checked(request: object, context: Context) -> AsyncGenerator[Answer, None]:
            await self._admit(request, context, method)
            answers = call(request, context)
            if isinstance(answers, Awaitable):  # a method that writes by itself, such as health's Watch
                await answers
                return
            async with aclosing(answers):
                async for answer in answers:
                    yield answer

        return checked


def _token(metadata: Iterable[tuple[str, str]]) -> str:
    return next((bearer(value) for key, value in metadata if key == "authorization"), "")
