"""Channels to one service, which follow the identity's files."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import asyncio
import math
import time
from urllib.parse import urlsplit

import grpc

from davy.access.own_token import authorization
from davy.adapters.grpc.server_certificates import ServerCertificates
from davy.adapters.grpc.threads import require_threads
from davy.adapters.grpc.tls import channel_credentials
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import AggregatorRefusedError, AggregatorUnavailableError, ConfigError
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login
from davy.telemetry import get_logger

log = get_logger(__name__)

MAX_MESSAGE_BYTES = 4_000_000
KEEPALIVE_S = 10.0
DEFAULT_PORT = 50051
LOOK_EVERY_S = 1.0  # between two looks at the identity's files, or at the server's certificate
DRAIN_S = 30.0  # calls on the channel of the previous certificate may take this long to end

_OPTIONS = (
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", int(KEEPALIVE_S * 1000)),
    ("grpc.keepalive_timeout_ms", int(KEEPALIVE_S * 500)),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # Where a name has several addresses, edges spread over them, and a new channel may take another one.
    ("grpc.service_config", '{"loadBalancingConfig": [{"pick_first": {"shuffleAddressList": true}}]}'),
    ("grpc.use_local_subchannel_pool", 1),  # the planes of one process share no connection by accident
)


def own_metadata() -> tuple[tuple[str, str], ...]:
    """Metadata of a call by which this process names itself; empty without a token.

    Raises:
        ConfigError: The token's file cannot be read.
    """
    return tuple(authorization().items())


def open_channel(endpoint: SecretUrl | str, tls: Tls | None = None, trusted: bytes = b"") -> grpc.aio.Channel:
    """A separate connection to the aggregator, opened on demand. `Channels` also reads the list of revocations.

    Args:
        endpoint: grpc://host[:50051] or grpcs://host[:50051].
        tls: The own identity for grpcs; None trusts the system's authorities and shows no certificate.
        trusted: Certificates of servers, PEM, trusted in place of the site's authority; empty trusts the authority.

    Raises:
        ConfigError: endpoint is no such address.
        RuntimeError: this process may start no further thread.
    """
    require_threads()
    scheme, host, port = parse_endpoint(SecretUrl.of(endpoint))
    if scheme == "grpcs":
        return grpc.aio.secure_channel(f"{host}:{port}", channel_credentials(tls, trusted), options=_OPTIONS)
    return grpc.aio.insecure_channel(f"{host}:{port}", options=_OPTIONS)


def parse_endpoint(endpoint: SecretUrl) -> tuple[str, str, int]:
    """Read scheme, host and port of an aggregator's address.

    Raises:
        ConfigError: it is no such address.
    """
    try:
        parts = urlsplit(escape_login(endpoint.get_secret_value()))
        port = parts.port or DEFAULT_PORT
    except ValueError as error:
        raise ConfigError(f"{endpoint} is no address of an aggregator: {error}") from error
    if parts.scheme not in ("grpc", "grpcs") or not parts.hostname:
        raise ConfigError(f"{endpoint} is no address of an aggregator: write grpc://host:50051 or grpcs://host:50051")
    return parts.scheme, parts.hostname, port


class Channels:
    """The channel for new calls. After a rotation it is a new one; calls on the previous one may end.

    With a list of revocations it trusts the certificates alone that the server has shown and that the list does not have. It
    closes its channel once the server's certificate is revoked.

    Args:
        endpoint: grpc://host[:50051] or grpcs://host[:50051].
        tls: The own identity for grpcs.

    Raises:
        ConfigError: endpoint is no such address.
        RuntimeError: this process may start no further thread.
    """

    def __init__(self, endpoint: SecretUrl | str, tls: Tls | None = None) -> None:
        require_threads()
        self._endpoint = SecretUrl.of(endpoint)
        self.endpoint = str(self._endpoint)
        scheme, host, port = parse_endpoint(self._endpoint)
        self._tls = tls if scheme == "grpcs" else None
        self._certificates = ServerCertificates(self._tls, host, port, self.endpoint) if self._tls is not None else None
        self._channel: grpc.aio.Channel | None = None
        self._version, self._trusted, self._looked_s = 0, b"", -math.inf
        self._opening = asyncio.Lock()
        self._follower: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> int:
        """Version of the identity, which grows with every change of its files; 0 without one."""
        return self._tls.look() if self._tls is not None else 0

    async def get(self) -> grpc.aio.Channel:
        """Return the channel of the current identity.

        Raises:
            AggregatorRefusedError: the server's certificate is revoked.
            AggregatorUnavailableError: the server does not answer, where its certificate must be looked at.
        """
        async with self._opening:
            version = self.newest
            if self._channel is None or version != self._version or self._may_have_changed():
                trusted = await self._look()
                if self._channel is None or (version, trusted) != (self._version, self._trusted):
                    self._replace(open_channel(self._endpoint, self._tls, trusted), version, trusted)
            assert self._channel is not None
            return self._channel

    async def close(self) -> None:
        """Close every channel; running calls end."""
        if self._follower is not None:
            self._follower.cancel()
        for closing in self._closing:
            closing.cancel()
        channels = [self._channel.close()] if self._channel is not None else []
        await asyncio.gather(*self._closing, *channels, return_exceptions=True)

    @property
    def _checks(self) -> bool:
        return self._tls is not None and bool(self._tls.credentials.crl)

    def _may_have_changed(self) -> bool:
        """Whether the server may show another certificate at the next connection than the channel trusts."""
        if not self._checks or self._channel is None or time.monotonic() - self._looked_s < LOOK_EVERY_S:
            return False
        return self._channel.get_state() in (grpc.ChannelConnectivity.IDLE, grpc.ChannelConnectivity.TRANSIENT_FAILURE)

    async def _look(self) -> bytes:
        """Return the certificates to trust; empty for the authority."""
        if self._certificates is None or not self._checks:
            return b""
        try:
            found = await self._certificates.look()
        except AggregatorRefusedError:
            if self._channel is not None:  # its streams would go on
                await self._channel.close()
                self._channel = None
            raise
        self._looked_s = time.monotonic()
        return found

    def _replace(self, channel: grpc.aio.Channel, version: int, trusted: bytes) -> None:
        if self._channel is not None:
            closing = asyncio.create_task(self._channel.close(DRAIN_S), name="grpc.drain")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        self._channel, self._version, self._trusted = channel, version, trusted
        if self._follower is None and self._tls is not None:
            self._follower = asyncio.create_task(self._follow(), name="grpc.follow")

    async def _follow(self) -> None:
        """Take up changed files, also while no call begins: a new list of revocations ends the streams of a revoked server."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if self.newest != self._version:
                try:
                    await self.get()
                except AggregatorUnavailableError as error:
                    log.warning("grpc.not_renewed", endpoint=self.endpoint, reason=str(error))
