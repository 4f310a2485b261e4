"""Believes a proxy in front of the service: who calls, from which address, and by which scheme."""

import hmac
import ipaddress
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from davy.access.external import PROXY, ExternalPerson, role_of
from davy.access.secret_files import read_secret
from davy.adapters.http.proxy_settings import MIN_SECRET, ProxySettings
from davy.domain.errors import ConfigError, ProxyRefusedError
from davy.streams.guard import CountRefused, Guard

PERSON, VIA = "davy.person", "davy.proxy"
_SCHEMES = {"http": {"http": "http", "https": "https"}, "websocket": {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}}
MAX_GROUPS = 200


class TrustedProxy:
    """ASGI middleware that reads the headers of a proxy which comes from its networks with its secret.

    From anybody else the headers are ignored, and the attempt is counted. Neither kind reaches the service behind.

    Args:
        app: The wrapped app.
        proxy: Whom to believe.
        count_refused: Counts requests whose headers are ignored.
    """

    def __init__(self, app: ASGIApp, proxy: "ProxyHeaders", count_refused: CountRefused) -> None:
        self.app, self._proxy, self._guard = app, proxy, Guard("http.proxy", count_refused)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, with what the proxy says of it."""
        if scope["type"] in ("http", "websocket"):
            scope = self._judged(scope)
        await self.app(scope, receive, send)

    def _judged(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        reason = self._proxy.fault(scope, headers)
        if reason and self._proxy.are_in(headers):
            address = _peer(scope)
            self._guard.refuse(ProxyRefusedError(address, reason), client=address, path=scope["path"])
        said = {} if reason else self._proxy.said(scope, headers)
        return {**scope, "headers": self._proxy.without(scope), **said}


class ProxyHeaders:
    """Reads the headers of a trusted proxy.

    Raises:
        ConfigError: The file of the secret cannot be read, or the secret is too short.
    """

    def __init__(self, settings: ProxySettings) -> None:
        self._settings = settings
        secret = read_secret(settings.secret, settings.secret_file, "the proxy's secret")
        if len(secret) < MIN_SECRET:
            raise ConfigError(f"the proxy's secret has under {MIN_SECRET} characters")
        self._secret = secret.encode()
        names = (settings.secret_header, settings.user_header, settings.groups_header)
        self._names = frozenset(name.lower().encode("latin-1") for name in names)

    def are_in(self, headers: Headers) -> bool:
        """Return whether a caller speaks as the proxy."""
        return self._settings.secret_header in headers or self._settings.user_header in headers

    def without(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """The headers of a request without those of the proxy."""
        return [(name, value) for name, value in scope["headers"] if name not in self._names]

    def fault(self, scope: Scope, headers: Headers) -> str:
        """Return why a caller is not the proxy, or its headers are not clear; empty if it is."""
        if not _is_in(_peer(scope), self._settings.networks):
            return "it is in none of the proxy's networks"
        secrets = headers.getlist(self._settings.secret_header)
        if len(secrets) != 1 or not hmac.compare_digest(secrets[0].encode("latin-1"), self._secret):
            return "it does not have the proxy's secret"
        if len(headers.getlist(self._settings.user_header)) > 1:
            return "it names more than one user: the proxy must replace what a caller sends"
        return ""

    def said(self, scope: Scope, headers: Headers) -> Scope:
        """What the proxy says, as entries of a scope."""
        said: Scope = {VIA: _peer(scope), PERSON: self._person(headers)}
        if client := self._client(headers):
            said["client"] = (client, 0)
        proto = headers.getlist("x-forwarded-proto")[-1:]
        if proto and (scheme := _SCHEMES[scope["type"]].get(proto[0].rpartition(",")[2].strip().lower())):
            said["scheme"] = scheme
        return said

    def _client(self, headers: Headers) -> str:
        """The last address that is not the proxy's own: those before it are what the caller said."""
        hops = [hop.strip() for value in headers.getlist("x-forwarded-for") for hop in value.split(",")]
        for hop in reversed(hops):
            if not _is_address(hop):
                return ""
            if not _is_in(hop, self._settings.networks):
                return hop
        return ""

    def _person(self, headers: Headers) -> ExternalPerson | None:
        name = headers.get(self._settings.user_header, "").strip()
        if not name:
            return None
        text = self._settings.groups_separator.join(headers.getlist(self._settings.groups_header))
        groups = tuple(group.strip() for group in text.split(self._settings.groups_separator, MAX_GROUPS) if group.strip())
        role = role_of(groups, self._settings.roles, self._settings.default_role)
        return ExternalPerson(name, role, PROXY, name, groups)


def person_of(connection: HTTPConnection) -> ExternalPerson | None:
    """Return whom the proxy names as the caller of a request; None for nobody."""
    person = connection.scope.get(PERSON)
    return person if isinstance(person, ExternalPerson) else None


def proxy_of(connection: HTTPConnection) -> str:
    """Return the address of the proxy that a request came through; empty without one."""
    return str(connection.scope.get(VIA, ""))


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_in(address: str, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in network for network in networks)
