"""Access control of a gRPC server: one interceptor in front of every method."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

import grpc
from structlog.contextvars import bind_contextvars

from davy.access.journal import REFUSALS, Journal, hide_text, is_recorded, taking_notes
from davy.access.permissions import GRPC
from davy.access.principal import Principal, become, check
from davy.access.request_id import HEADER, NAME, accept
from davy.adapters.access.credentials import Authenticator, Credentials, bearer
from davy.adapters.access.recording import UNANSWERED, grpc_call, host_of
from davy.adapters.grpc.handlers import rewrapped
from davy.adapters.grpc.interceptor import abort_with
from davy.adapters.status import status_of
from davy.domain.errors import DavyError, OverloadedError, RefusedError
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
        method = handler_call_details.method
        return rewrapped(handler, partial(self._unary, method=method), partial(self._stream, method=method))  # type: ignore[no-any-return]

    @asynccontextmanager
    async def _admitted(self, request: object, context: Context, method: str) -> AsyncIterator[Principal]:
        """Serve a call under its id and its caller, and count it against the caller's budget."""
        metadata = [(key, str(value)) for key, value in context.invocation_metadata() or ()]
        request_id = accept(next((value for key, value in metadata if key == HEADER), ""))
        bind_contextvars(**{NAME: request_id})  # for the rest of this task, which serves this call alone
        context.set_trailing_metadata(((HEADER, request_id),))
        principal = await self._principal(request, context, method, _token(metadata))
        caller = principal.caller
        if principal.role is not None and self._open[caller] >= MAX_CALLS:
            raise OverloadedError(f"the number of calls of {principal}", MAX_CALLS)
        become(principal)
        self._open[caller] += 1
        try:
            yield principal
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    async def _principal(self, request: object, context: Context, method: str, token: str) -> Principal:
        address = host_of(context.peer())
        caller: Principal | None = None
        try:
            caller = await self._authenticator.identify(Credentials("", token, self._identity_of(context), address))
            return check(caller, GRPC.get(method), method).at(address)
        except RefusedError as error:
            if self._journal is not None:
                await self._journal.record(grpc_call(method, request, context.peer()).entry(caller, status_of(error).grpc))
            raise

    def _unary(self, call: Callable[[object, Context], Awaitable[Answer]], method: str) -> Callable[..., Awaitable[Answer]]:
        async def checked(request: object, context: Context) -> Answer:
            try:
                async with self._admitted(request, context, method) as principal:
                    return await self._recorded(call, request, context, method, principal)
            except DavyError as error:
                return await abort_with(context, error, self._guard)

        return checked

    async def _recorded(
        self,
        call: Callable[[object, Context], Awaitable[Answer]],
        request: object,
        context: Context,
        method: str,
        principal: Principal,
    ) -> Answer:
        """Serve a call; the entry of a change is durable before the caller sees that it succeeded."""
        permission = GRPC.get(method)
        if self._journal is None or permission is None or not is_recorded(method, permission):
            async with self._refusals(request, context, method, principal):
                return await call(request, context)
        answer = UNANSWERED
        with taking_notes() as notes:
            try:
                answered = await call(request, context)
                answer = "OK"
            except grpc.aio.AbortError:
                answer = context.code().name
                raise
            finally:
                written = self._journal.record(grpc_call(method, request, context.peer()).entry(principal, answer, notes))
        await written
        return answered

    @asynccontextmanager
    async def _refusals(self, request: object, context: Context, method: str, principal: Principal) -> AsyncIterator[None]:
        """Record what a method itself refuses, such as an edge that speaks for another: its text says what was tried."""
        try:
            yield
        except grpc.aio.AbortError:
            code = context.code()
            if self._journal is not None and code is not None and code.name in REFUSALS:
                attempt = grpc_call(method, request, context.peer())
                tried = replace(attempt, target=attempt.target or hide_text(context.details()))
                await self._journal.record(tried.entry(principal, code.name))
            raise

    def _stream(
        self, call: Callable[[object, Context], AsyncGenerator[Answer, None] | Awaitable[None]], method: str
    ) -> Callable[..., AsyncGenerator[Answer, None]]:
        async def checked(request: object, context: Context) -> AsyncGenerator[Answer, None]:
            try:
                async with (
                    self._admitted(request, context, method) as principal,
                    self._refusals(request, context, method, principal),
                ):
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


def _token(metadata: Iterable[tuple[str, str]]) -> str:
    return next((bearer(value) for key, value in metadata if key == "authorization"), "")
