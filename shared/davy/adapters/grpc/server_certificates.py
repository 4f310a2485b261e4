"""The certificates of a gRPC server, checked against the list of revocations: gRPC's channels read no such list."""

import asyncio
import ssl

from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorRefusedError, AggregatorUnavailableError

HANDSHAKE_TIMEOUT_S = 5.0
MOST = 8  # aggregators behind one address, each with a certificate of its own
HTTP2 = "h2"


class ServerCertificates:
    """Certificates that a server has shown and that are valid by the newest list of revocations.

    A channel that trusts these alone, in place of the authority, cannot reach a server with a revoked one.

    Args:
        tls: The own identity, with the list.
        host: DNS name or IP address of the server.
        port: TCP port.
        endpoint: Name of the server in errors.
    """

    def __init__(self, tls: Tls, host: str, port: int, endpoint: str) -> None:
        self._tls, self._host, self._port, self._endpoint = tls, host, port, endpoint
        self._context = client_context(tls)
        self._context.set_alpn_protocols([HTTP2])  # nothing tells this handshake from that of a channel
        self._found: dict[bytes, None] = {}
        self._version = tls.version

    async def look(self) -> bytes:
        """Shake hands with the server once.

        Returns:
            The certificates that a channel may trust, PEM.

        Raises:
            AggregatorRefusedError: the server's certificate is revoked, expired, foreign, or of another host.
            AggregatorUnavailableError: the server does not answer.
        """
        if (version := self._tls.look(0)) != self._version:  # one of them may be revoked now
            self._version, self._found = version, {}
        shown = await self._shown()
        self._found.pop(shown, None)
        self._found[shown] = None
        while len(self._found) > MOST:
            self._found.pop(next(iter(self._found)))
        return b"".join(sorted(self._found))

    async def _shown(self) -> bytes:
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                _, writer = await asyncio.open_connection(self._host, self._port, ssl=self._context, server_hostname=self._host)
        except ssl.SSLCertVerificationError as error:
            raise AggregatorRefusedError(self._endpoint, error.verify_message) from error
        except TimeoutError as error:
            reason = f"no answer within {HANDSHAKE_TIMEOUT_S:g} s"
            raise AggregatorUnavailableError(self._endpoint, reason) from error
        except OSError as error:
            raise AggregatorUnavailableError(self._endpoint, error.strerror or str(error)) from error
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.transport.abort()
        return ssl.DER_cert_to_PEM_cert(certificate).encode()
