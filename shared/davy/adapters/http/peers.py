"""The certificate of an HTTP client, as the ASGI extension `tls` of every request and WebSocket.

Source: asgi.readthedocs.io/en/latest/specs/tls.html.
"""

import ssl
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from davy.adapters.http.problems import problem_of
from davy.adapters.http.time_limits import TimedProtocol, TimeLimits
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import DavyError, IdentityRefusedError, InvalidIdentityError
from davy.identity.name import Identity

IDENTITY, CERTIFICATE = "davy.identity", "davy.certificate"
POLICY_VIOLATION = 1008  # RFC 6455


def peer(scope: Mapping[str, Any]) -> Identity | None:
    """The identity in the client certificate of a request or WebSocket; None for a client without one.

    TLS has verified the certificate, and it is not revoked.
    """
    found: Identity | None = scope.get(IDENTITY)
    return found


def client_certificate(scope: Mapping[str, Any]) -> x509.Certificate | None:
    """The client certificate of a request with an identity; None for a client without one."""
    found: x509.Certificate | None = scope.get(CERTIFICATE) if peer(scope) is not None else None
    return found


def http_protocol(tls: Tls, times: TimeLimits) -> type[TimedProtocol]:
    """The HTTP protocol whose requests carry the client's certificate."""

    class TlsProtocol(TimedProtocol):
        limits = times

        def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # as in the base class
            super().connection_made(transport)
            self.app = WithPeer(self.app, tls, transport.get_extra_info("ssl_object"))

    return TlsProtocol


def websocket_protocol(tls: Tls) -> type[WebSocketsSansIOProtocol]:
    """The WebSocket protocol whose scope carries the client's certificate."""

    class TlsProtocol(WebSocketsSansIOProtocol):
        def connection_made(self, transport: Any) -> None:  # noqa: ANN401  # as in the base class
            self.app = WithPeer(self.app, tls, transport.get_extra_info("ssl_object"))
            super().connection_made(transport)

    return TlsProtocol


class WithPeer:
    """Adds the certificate of one connection to its requests, and refuses them once it is revoked."""

    def __init__(self, app: ASGIApp, tls: Tls, connection: ssl.SSLObject | None) -> None:
        self.app, self._tls = app, tls
        self._certificate, self._extension = _read(connection)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        scope.setdefault("extensions", {})["tls"] = self._extension
        scope[CERTIFICATE] = self._certificate
        try:
            scope[IDENTITY] = self._tls.check(self._certificate) if self._certificate is not None else None
        except InvalidIdentityError:  # a certificate of the site's authority for something else, such as a browser
            scope[IDENTITY] = None
        except IdentityRefusedError as error:
            self._tls.refuse(error, client=scope.get("client"))
            await _refuse(error, scope, receive, send)
            return
        await self.app(scope, receive, send)


async def _refuse(error: DavyError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": str(error)[:120]})
    else:
        await problem_of(error, scope["path"])(scope, receive, send)


def _read(connection: ssl.SSLObject | None) -> tuple[x509.Certificate | None, dict[str, Any]]:
    """The client's certificate, and the extension's content."""
    der = connection.getpeercert(binary_form=True) if connection is not None else None
    certificate = x509.load_der_x509_certificate(der) if der else None
    return certificate, {
        "server_cert": None,
        "client_cert_chain": [certificate.public_bytes(Encoding.PEM).decode()] if certificate is not None else [],
        "client_cert_name": certificate.subject.rfc4514_string() if certificate is not None else None,
        "client_cert_error": None,
        "tls_version": {"TLSv1.2": 0x0303, "TLSv1.3": 0x0304}.get(connection.version() or "") if connection else None,
        "cipher_suite": None,
    }
