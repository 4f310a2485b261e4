"""The boundary against other sites' pages in the browsers of a mine: one middleware for every service.

Sources: Fetch Metadata Request Headers (W3C), the resource isolation policy of web.dev, and the Host check that DNS rebinding
makes necessary, as Rails' HostAuthorization has it.
"""

import ipaddress
import socket
from collections.abc import Collection
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from davy.adapters.http.problems import problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME = frozenset({"same-origin", "none"})  # none: the person typed the address
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",  # of what is no page
}


class BrowserBoundary:
    """ASGI middleware that keeps other sites' pages out, and sets the headers by which browsers do so, too.

    A request that names a host this service does not go by is answered 421; one that a browser sends for a page of another
    origin 403, unless a person follows a link. Programs, which send no such headers, pass.

    Args:
        app: The wrapped app.
        hosts: Names of this service, beside addresses, names without a dot, and the machine's own name.
        origins: Other origins, such as https://portal.mine, whose pages may call it.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = (), origins: Collection[str] = ()) -> None:
        self.app, self._origins = app, frozenset(origins)
        self._hosts = frozenset(host.lower() for host in (*hosts, socket.gethostname(), socket.getfqdn()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if refusal := self._refusal(connection):
            await _refuse(*refusal, scope, receive, send)
            return
        corp = "cross-origin" if connection.headers.get("origin") in self._origins else "same-origin"

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # What a 304 says replaces what the browser has stored with the page: a policy of "no page" would block it.
                absent = {} if message["status"] == HTTPStatus.NOT_MODIFIED else _HEADERS
                for name, value in absent.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cross-Origin-Resource-Policy", corp)
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def _refusal(self, connection: HTTPConnection) -> tuple[HTTPStatus, str] | None:
        host = connection.headers.get("host", "")
        if host and not self._is_own(host):  # every browser names a host; the checks of load balancers name none
            advice = "set `hosts` to the names of this service"
            return HTTPStatus.MISDIRECTED_REQUEST, f"{host[:100]!r} is not a name of this service: {advice}"
        if self._is_foreign(connection, host):
            return HTTPStatus.FORBIDDEN, "a page of another origin sent this request: only this service's pages may"
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or _is_no_page_s(name)

    def _is_foreign(self, connection: HTTPConnection, host: str) -> bool:
        origin = connection.headers.get("origin")
        if origin is not None and origin in self._origins:
            return False
        method = connection.scope.get("method", "WS")
        fetch_site = connection.headers.get("sec-fetch-site")
        if fetch_site is not None and fetch_site not in SAME:
            follows_link = connection.headers.get("sec-fetch-mode") == "navigate" and method in SAFE_METHODS
            in_frame = connection.headers.get("sec-fetch-dest") in ("object", "embed")
            return in_frame or not follows_link
        if origin is None:
            return False
        scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
        return method not in SAFE_METHODS and origin.lower() != f"{scheme}://{host.lower()}"


def _is_no_page_s(name: str) -> bool:
    """Addresses and names without a dot need no list: no page of another site can come from one of its own making."""
    if name and "." not in name and ":" not in name:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(status: HTTPStatus, detail: str, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": detail[:120]})
        return
    await problem(status, detail, instance=scope["path"])(scope, receive, send)
