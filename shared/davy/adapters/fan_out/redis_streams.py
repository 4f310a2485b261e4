"""Redis or Valkey between replicas: a stream per channel, trimmed to its depth, so that a slow reader finds the newest."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import StoreUnavailableError
from davy.domain.fan_out import Channel
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login
from davy.streams.reconnect import Backoff, retry

PREFIX = "davy:v1:fan"
BACKOFF = Backoff(0.1, 0.4, growth=2.0)  # pictures return within 2 s of the server's return
TIMEOUT_S = 1.0
BLOCK_MS = 500  # shorter than the time-out: an answer without messages comes in time
LIVE_MS = 10_000  # a stream that nobody writes to goes
CONNECTIONS = 16
FIELD = b"m"

_Entry = tuple[bytes, dict[bytes, bytes]]  # a message's id and fields


def _connection_class(tls: Tls) -> type[SSLConnection]:
    context = client_context(tls)

    class TlsConnection(SSLConnection):
        """A connection with the newest certificate: redis would keep the first one."""

        def _connection_arguments(self) -> Mapping[str, Any]:
            return {**super()._connection_arguments(), "ssl": context}

    return TlsConnection


class RedisFanOut:
    """Implements FanOut over one connection pool.

    Keys: streams `davy:v1:fan:<channel>`, trimmed to the channel's depth at every message; one expires 10 s after its last
    message, or keep_s after it. Memory is bounded by the channels that are used, regardless of their readers.

    Args:
        endpoint: redis://, rediss:// or unix://.
        replica: This process's name, which no other one has.
        tls: The own identity for rediss; None trusts the system's authorities and shows no certificate.
    """

    def __init__(self, endpoint: SecretUrl | str, replica: str, tls: Tls | None = None) -> None:
        secret = SecretUrl.of(endpoint)
        self.endpoint = str(secret)
        self._wake_key = f"{PREFIX}:wake/{replica}"
        self._redis: Redis = Redis.from_url(
            escape_login(secret.get_secret_value()),
            socket_timeout=None,  # the library's own time-out loses cancellations before Python 3.12: wait_for
            socket_connect_timeout=TIMEOUT_S,
            max_connections=CONNECTIONS,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # one form of answers over every supported version of the library
        )
        if tls is not None and secret.scheme == "rediss":
            self._redis.connection_pool.connection_class = _connection_class(tls)

    async def publish(self, channel: Channel, message: bytes) -> None:
        """Append to the channel's stream; see FanOut."""
        await self._append(_key(channel), message, channel.depth, int(channel.keep_s * 1000) or LIVE_MS)

    async def newest(self, channel: Channel) -> bytes | None:
        """Return the last message of the stream; see FanOut."""
        async with self._translated():
            found: list[_Entry] = await self._redis.xrevrange(_key(channel), count=1)  # type: ignore[assignment]  # of any client
        return found[0][1].get(FIELD) if found else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator["RedisReader"]:
        """Open a reader; see FanOut."""
        yield RedisReader(self)

    async def check(self) -> None:
        """Ask whether the server answers; see FanOut."""
        async with self._translated():
            await self._redis.exists(PREFIX)

    async def wait_until_up(self) -> None:
        """Ask until the server answers; see FanOut."""
        await retry(self.check, StoreUnavailableError, BACKOFF)

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()

    async def wake(self) -> None:
        """End the wait of this replica's reader."""
        await self._append(self._wake_key, b"", 1, LIVE_MS)

    async def now_id(self) -> bytes:
        """Return the id that messages from now on exceed."""
        async with self._translated():
            seconds, micros = await self._redis.time()
        return b"%d-0" % (int(seconds) * 1000 + int(micros) // 1000 - 1)

    async def wait(self, positions: Mapping[str, bytes]) -> list[tuple[str, list[_Entry]]]:
        """Wait up to BLOCK_MS for messages after the positions of streams; the stream that wakes a reader is left out."""
        streams: dict[Any, Any] = {self._wake_key: b"$", **positions}
        async with self._translated():
            found: Any = await self._redis.xread(streams, block=BLOCK_MS)
        return [(key.decode(), entries) for key, entries in found or ()]

    async def _append(self, key: str, message: bytes, depth: int, live_ms: int) -> None:
        async with self._translated(), self._redis.pipeline(transaction=False) as pipe:
            pipe.xadd(key, {FIELD: message}, maxlen=depth, approximate=False)
            pipe.pexpire(key, live_ms)
            await pipe.execute()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                yield
        except (RedisError, OSError, TimeoutError) as error:
            raise StoreUnavailableError(self.endpoint, str(error) or type(error).__name__) from error


class RedisReader:
    """Implements FanOutReader: it asks for what came after the last message of each stream."""

    def __init__(self, engine: RedisFanOut) -> None:
        self._engine = engine
        self._names: dict[str, str] = {}  # by key
        self._positions: dict[str, bytes] = {}  # by key
        self._ready: deque[tuple[str, bytes]] = deque()

    async def follow(self, channels: Collection[Channel]) -> None:
        """Replace the followed channels; see FanOutReader."""
        wanted = {_key(channel): channel for channel in channels}
        if wanted.keys() == self._positions.keys():
            return
        now = await self._engine.now_id()
        self._positions = {
            key: self._positions.get(key) or (b"0-0" if channel.keep_s else now) for key, channel in wanted.items()
        }
        self._names = {key: channel.name for key, channel in wanted.items()}
        await self._engine.wake()

    async def take(self) -> tuple[str, bytes]:
        """Wait for the next message; see FanOutReader."""
        while not self._ready:
            for key, entries in await self._engine.wait(self._positions):
                if key in self._positions:
                    self._positions[key] = entries[-1][0]
                    self._ready += [(self._names[key], fields.get(FIELD, b"")) for _, fields in entries]
        return self._ready.popleft()


def _key(channel: Channel) -> str:
    return f"{PREFIX}:{channel.name}"
