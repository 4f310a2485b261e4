"""Channels to one service, which follow the identity's files."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

import asyncio
from urllib.parse import urlsplit

import grpc

from davy.access.own_token import authorization
from davy.adapters.grpc.threads import require_threads
from davy.adapters.grpc.tls import channel_credentials
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import ConfigError
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login

MAX_MESSAGE_BYTES = 4_000_000
KEEPALIVE_S = 10.0
DEFAULT_PORT = 50051
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
    ("grpc.use_local_subchannel_pool", 1),  # the planes of one process share no connection by accident
)


def own_metadata() -> tuple[tuple[str, str], ...]:
    """Metadata of a call by which this process names itself; empty without a token.

    Raises:
        ConfigError: The token's file cannot be read.
    """
    return tuple(authorization().items())


def open_channel(endpoint: SecretUrl | str, tls: Tls | None = None) -> grpc.aio.Channel:
    """A separate connection to the aggregator, opened on demand.

    Args:
        endpoint: grpc://host[:50051] or grpcs://host[:50051].
        tls: The own identity for grpcs; None trusts the system's authorities and shows no certificate.

    Raises:
        ConfigError: endpoint is no such address.
        RuntimeError: this process may start no further thread.
    """
    require_threads()
    endpoint = SecretUrl.of(endpoint)
    try:
        parts = urlsplit(escape_login(endpoint.get_secret_value()))
        target = f"{parts.hostname}:{parts.port or DEFAULT_PORT}"
    except ValueError as error:
        raise ConfigError(f"{endpoint} is no address of an aggregator: {error}") from error
    if parts.scheme not in ("grpc", "grpcs") or not parts.hostname:
        raise ConfigError(f"{endpoint} is no address of an aggregator: write grpc://host:50051 or grpcs://host:50051")
    if parts.scheme == "grpcs":
        return grpc.aio.secure_channel(target, channel_credentials(tls), options=_OPTIONS)
    return grpc.aio.insecure_channel(target, options=_OPTIONS)


class Channels:
    """The channel for new calls. After a rotation it is a new one; calls on the previous one may end."""

    def __init__(self, endpoint: SecretUrl | str, tls: Tls | None = None) -> None:
        self._endpoint = SecretUrl.of(endpoint)
        self.endpoint, self._tls = str(self._endpoint), tls if self._endpoint.scheme == "grpcs" else None
        self._channel, self._version = open_channel(endpoint, tls), self.newest
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def newest(self) -> int:
        """Version of the identity, which grows with every change of its files; 0 without one."""
        return self._tls.look() if self._tls is not None else 0

    def get(self) -> grpc.aio.Channel:
        """Return the channel of the current identity."""
        if self.newest != self._version:
            closing = asyncio.create_task(self._channel.close(DRAIN_S), name="grpc.drain")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            self._version = self.newest
            self._channel = open_channel(self._endpoint, self._tls)
        return self._channel

    async def close(self) -> None:
        """Close every channel; running calls end."""
        for closing in self._closing:
            closing.cancel()
        await asyncio.gather(*self._closing, self._channel.close(), return_exceptions=True)
