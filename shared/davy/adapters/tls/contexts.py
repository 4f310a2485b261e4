"""SSL contexts that take a new certificate at the next handshake; connections that are open stay."""

import ssl
import threading
from typing import Any

from davy.adapters.tls.identity_files import Tls

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
LOAD_ATTEMPTS = 5  # a rotation may fall between the reads of certificate and key


class ReloadingContext(ssl.SSLContext):
    """A context that looks at the identity's files before every handshake."""

    tls: Tls
    _loaded = 0
    _loading: threading.Lock

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:  # noqa: ANN401  # as in the base class
        """Begin a handshake of asyncio."""
        self.follow()
        made = super().wrap_bio(*args, **kwargs)
        made.tls = self.tls  # type: ignore[attr-defined]
        return made

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:  # noqa: ANN401
        """Begin a handshake of a blocking client."""
        self.follow()
        return super().wrap_socket(*args, **kwargs)

    def follow(self) -> None:
        """Load the identity again if it changed."""
        version = self.tls.look(0)
        with self._loading:
            if version != self._loaded:
                _load(self, self.tls)
                self._loaded = version


class LoggedHandshake(ssl.SSLObject):
    """Logs why a peer of a server is refused: asyncio closes the connection without a word."""

    def do_handshake(self) -> None:
        """Shake hands."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError as error:
            tls: Tls | None = getattr(self, "tls", None)
            if self.server_side and tls is not None:
                tls.refuse(error)
            raise


class ClosedOnRefusal(ssl.SSLSocket):
    """Closes the socket of a handshake that failed: paho forgets it open."""

    def do_handshake(self, block: bool = False) -> None:
        """Shake hands."""
        try:
            super().do_handshake(block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError:
            self.close()
            raise


def server_context(tls: Tls) -> ssl.SSLContext:
    """A context for a server that asks for a certificate, verifies one that comes, and takes callers without."""
    context = _context(tls, ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.sslobject_class = LoggedHandshake
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_RENEGOTIATION
    return context


def client_context(tls: Tls | None) -> ssl.SSLContext:
    """A context for a client.

    Args:
        tls: The certificate to show; the site's authority alone is trusted. None trusts the system's and shows none.
    """
    if tls is None:
        plain = ssl.create_default_context()
        plain.sslsocket_class = ClosedOnRefusal
        return plain
    context = _context(tls, ssl.PROTOCOL_TLS_CLIENT)
    context.sslsocket_class = ClosedOnRefusal
    return context


def _context(tls: Tls, protocol: int) -> ReloadingContext:
    context = ReloadingContext(protocol)
    context.minimum_version = VERSIONS[tls.settings.min_version]
    context.tls, context._loading = tls, threading.Lock()
    context.follow()
    return context


def _load(context: ssl.SSLContext, tls: Tls) -> None:
    for attempt in range(LOAD_ATTEMPTS):
        try:
            context.load_cert_chain(tls.files.cert, tls.files.key)
            break
        except (ssl.SSLError, OSError):
            if attempt == LOAD_ATTEMPTS - 1:
                raise
    credentials = tls.credentials
    context.load_verify_locations(cadata=credentials.ca.decode())
    if credentials.crl and tls.files.crl is not None:
        context.load_verify_locations(tls.files.crl)  # OpenSSL keeps the newest list of an authority
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF
