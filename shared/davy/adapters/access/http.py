"""Access control of a service's HTTP and WebSocket interface: one middleware in front of every route."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from limits import RateLimitItemPerMinute
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from davy.access.external import PROXY
from davy.access.journal import Journal, is_recorded
from davy.access.principal import Principal, act_as, check
from davy.access.roles import Permission, Role
from davy.adapters.access.credentials import SESSION_COOKIE, Authenticator, Credentials, bearer
from davy.adapters.access.rates import Rates
from davy.adapters.access.recording import client_of, http_call, record_answer
from davy.adapters.http.peers import peer
from davy.adapters.http.problems import nothing_at, other_method, problem, problem_of
from davy.adapters.http.trusted_proxy import person_of
from davy.adapters.status import status_of
from davy.domain.errors import DavyError, RefusedError, UnauthenticatedError
from davy.streams.guard import CountRefused, Guard

RECHECK_S = 5.0
CHANGES = RateLimitItemPerMinute(240)  # of one identity: programs that change more often are broken
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="davy"'}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the table, found for a request.

    Attributes:
        name: "METHOD path", with the path's template where the table has it.
        permission: None where the table has no such path.
        allowed: Methods of the path where the request has another one.
    """

    name: str
    permission: Permission | None
    allowed: tuple[str, ...] = ()


class Operations:
    """Finds the operation of a request.

    Args:
        table: Permissions by "METHOD path".
    """

    def __init__(self, table: Mapping[str, Permission]) -> None:
        by_path: dict[str, dict[str, Permission]] = {}
        for operation, permission in table.items():
            method, _, path = operation.partition(" ")
            by_path.setdefault(path, {})[method] = permission
        self._exact = {path: methods for path, methods in by_path.items() if "{" not in path}
        self._patterns = [
            (compile_path(path)[0], path, methods) for path, methods in by_path.items() if path not in self._exact
        ]

    def find(self, method: str, path: str) -> Operation:
        """Return the operation of a method ("WS" for a WebSocket) and a decoded path."""
        method = "GET" if method == "HEAD" else method
        for template, methods in self._matches(path):
            if method in methods:
                return Operation(f"{method} {template}", methods[method])
        allowed = {known for _, methods in self._matches(path) for known in methods if known != "WS"}
        implied = ({"HEAD"} if "GET" in allowed else set()) | ({"OPTIONS"} if allowed else set())
        return Operation(f"{method} {path}", None, tuple(sorted(allowed | implied)))

    def _matches(self, path: str) -> list[tuple[str, dict[str, Permission]]]:
        exact = [(path, self._exact[path])] if path in self._exact else []
        return exact + [(template, methods) for regex, template, methods in self._patterns if regex.match(path)]


class AccessControl:
    """ASGI middleware that lets an operation through if the table and the caller's role allow it.

    A caller without an identity gets 401, or the login page where a browser asks for a page; one without the permission 403.
    What stands in no table is answered 404 or 405 here, so a route that nobody declared is unreachable. OPTIONS is answered
    here, too, with the methods of the path.

    Args:
        app: The wrapped app.
        table: Permissions by "METHOD path".
        authenticator: Names the caller.
        count_refused: Counts refused requests by their error.
        login: URL of the login page; empty for none.
        journal: Records changes and refused attempts; None for none.
    """

    def __init__(
        self,
        app: ASGIApp,
        table: Mapping[str, Permission],
        authenticator: Authenticator,
        count_refused: CountRefused,
        login: str = "",
        journal: Journal | None = None,
    ) -> None:
        self.app, self._authenticator, self._login, self._journal = app, authenticator, login, journal
        self._operations, self._guard = Operations(table), Guard("http.access", count_refused)
        self._rates = Rates()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        method = "WS" if scope["type"] == "websocket" else scope["method"]
        operation = self._operations.find(method, scope["path"])
        credentials = credentials_of(connection)
        person = credentials.person
        caller = Principal(person.name, Role.ANONYMOUS, PROXY) if person is not None else None
        try:
            caller = await self._authenticator.identify(credentials)
            principal = _admit(caller, operation).at(credentials.address)
            self._limit_changes(principal, method)
        except DavyError as error:
            if self._journal is not None and isinstance(error, RefusedError):
                refused = http_call(operation.name, connection).entry(caller, str(status_of(error).http.value))
                await self._journal.record(refused)
            await self._refuse(error, connection, scope, receive, send)
            return
        if operation.permission is None:
            await _unknown(operation, scope, receive, send)
            return

        async def serve(send: Send) -> None:
            with act_as(principal):
                async with self._rechecked(credentials, operation):
                    await self.app(scope, receive, send)

        if self._journal is not None and is_recorded(operation.name, operation.permission):
            await record_answer(self._journal, http_call(operation.name, connection), principal, serve, send)
        else:
            await serve(send)

    @asynccontextmanager
    async def _rechecked(self, credentials: Credentials, operation: Operation) -> AsyncIterator[None]:
        """Cancel a long answer, such as a live stream, soon after its caller has lost the identity or the permission."""
        answering, loop = asyncio.current_task(), asyncio.get_running_loop()
        assert answering is not None
        checks: list[asyncio.Task[None]] = []

        async def recheck() -> None:
            while True:
                try:
                    _admit(await self._authenticator.identify(credentials), operation)
                except RefusedError:
                    answering.cancel()
                    return
                except DavyError:  # the directory does not answer: who was let in stays
                    pass
                await asyncio.sleep(RECHECK_S)

        timer = loop.call_later(RECHECK_S, lambda: checks.append(loop.create_task(recheck(), name="http.recheck")))
        try:
            yield
        finally:
            timer.cancel()
            for check_ in checks:
                check_.cancel()

    def _limit_changes(self, principal: Principal, method: str) -> None:
        """Count a change against the budget of an identity."""
        if method not in ("GET", "HEAD", "OPTIONS", "WS") and principal.role is not None:
            self._rates.spend(CHANGES, principal.caller, f"changes by {principal}")

    async def _refuse(self, error: DavyError, connection: HTTPConnection, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(error, RefusedError):
            self._guard.refuse(error, client=client_of(connection), path=scope["path"])
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": str(error)[:120]})
            return
        response: Response = problem_of(error, scope["path"])
        if isinstance(error, UnauthenticatedError):
            response.headers.update(CHALLENGE)
            if self._login and scope["method"] == "GET" and "text/html" in connection.headers.get("accept", ""):
                response = RedirectResponse(f"{self._login}?next={quote(str(connection.url), safe='')}", HTTPStatus.SEE_OTHER)
        await response(scope, receive, send)


def _admit(caller: Principal | None, operation: Operation) -> Principal:
    """Return who may carry out an operation. Any identity may learn that nothing is at a path."""
    if operation.permission is None and caller is not None:
        return caller
    return check(caller, operation.permission, operation.name)


def credentials_of(connection: HTTPConnection) -> Credentials:
    """Read what a request carries."""
    return Credentials(
        session=connection.cookies.get(SESSION_COOKIE, ""),
        token=bearer(connection.headers.get("authorization", "")),
        identity=str(peer(connection.scope) or ""),
        address=client_of(connection),
        person=person_of(connection),
    )


async def _unknown(operation: Operation, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": "nothing is here"})
        return
    path = scope["path"]
    allow = ", ".join(operation.allowed)
    response: Response
    if operation.allowed and scope["method"] == "OPTIONS":
        response = Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allow})
    elif operation.allowed:
        detail = other_method(path, scope["method"], allow)
        response = problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, instance=path, headers={"Allow": allow})
    else:
        response = problem(HTTPStatus.NOT_FOUND, nothing_at(path), instance=path)
    await response(scope, receive, send)
