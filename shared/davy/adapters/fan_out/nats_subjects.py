"""NATS between replicas: a subject per channel; JetStream keeps the newest message of a channel that is kept."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import NotFoundError

from davy.adapters.fan_out.slots import ChannelSlots
from davy.adapters.tls.contexts import client_context
from davy.adapters.tls.identity_files import Tls
from davy.domain.errors import StoreUnavailableError
from davy.domain.fan_out import Channel
from davy.domain.secret_url import SecretUrl
from davy.domain.urls import escape_login
from davy.streams.reconnect import Backoff, retry

LIVE, KEPT = "davy.v1.live", "davy.v1.kept"  # prefixes of subjects
STREAM = "davy-v1-kept"
KEPT_S = 3600.0  # the longest life of a kept message
BACKOFF = Backoff(0.1, 0.4, growth=2.0)  # pictures return within 2 s of the server's return
TIMEOUT_S = 1.0


class NatsFanOut:
    """Implements FanOut over one connection. The server needs JetStream and a max_payload of 8 MB.

    Args:
        endpoint: nats:// or tls://.
        replica: This process's name.
        tls: The own identity for tls://.
    """

    def __init__(self, endpoint: SecretUrl | str, replica: str, tls: Tls | None = None) -> None:
        secret = SecretUrl.of(endpoint)
        self.endpoint, self._url = str(secret), escape_login(secret.get_secret_value())
        self._name, self._tls = replica, tls if secret.scheme == "tls" else None
        self._client: Client | None = None
        self._connecting = asyncio.Lock()

    async def publish(self, channel: Channel, message: bytes) -> None:
        """Publish to the channel's subject; see FanOut."""
        async with self._translated():
            await (await self.connected()).publish(_subject(channel), message)

    async def newest(self, channel: Channel) -> bytes | None:
        """Return the message that JetStream keeps; see FanOut."""
        async with self._translated():
            try:
                found = await (await self.connected()).jetstream().get_last_msg(STREAM, _subject(channel))
            except NotFoundError:
                return None
        is_over = found.time is None or time.time() - found.time.timestamp() >= channel.keep_s
        return None if is_over else found.data or b""

    @asynccontextmanager
    async def read(self) -> AsyncIterator["NatsReader"]:
        """Open a reader; see FanOut."""
        async with self._translated():
            reader = NatsReader(self, await self.connected())
        try:
            yield reader
        finally:
            await reader.close()

    async def check(self) -> None:
        """Ask whether the server answers; see FanOut."""
        async with self._translated():
            await (await self.connected()).flush()

    async def wait_until_up(self) -> None:
        """Ask until the server answers; see FanOut."""
        await retry(self.check, StoreUnavailableError, BACKOFF)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()

    async def connected(self) -> Client:
        """Return the connection; open it if there is none."""
        async with self._connecting:
            if self._client is None or not self._client.is_connected:
                await self.close()
                self._client = client = await nats.connect(
                    self._url,
                    name=f"davy {self._name}",
                    allow_reconnect=False,  # the exchange begins anew: it has more to restore than subscriptions
                    connect_timeout=TIMEOUT_S,
                    tls=client_context(self._tls) if self._tls else None,
                    error_cb=_ignore,
                )
                kept = StreamConfig(
                    STREAM, subjects=[f"{KEPT}.>"], max_msgs_per_subject=1, max_age=KEPT_S, storage=StorageType.MEMORY
                )
                await client.jetstream().add_stream(kept)
            return self._client

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(3 * TIMEOUT_S):
                yield
        except (Error, OSError, TimeoutError) as error:
            raise StoreUnavailableError(self.endpoint, str(error) or type(error).__name__) from error


class NatsReader:
    """Implements FanOutReader: subscriptions that put what they get into slots, where the newest wins."""

    def __init__(self, engine: NatsFanOut, client: Client) -> None:
        self._engine, self._client, self._slots = engine, client, ChannelSlots()
        self._subscriptions: dict[str, Subscription] = {}

    async def follow(self, channels: Collection[Channel]) -> None:
        """Replace the followed channels; see FanOutReader."""
        new = self._slots.follow(channels)
        try:
            for name in self._subscriptions.keys() - self._slots.channels.keys():
                await self._subscriptions.pop(name).unsubscribe()
            for channel in new:
                take = partial(self._put, channel.name)
                self._subscriptions[channel.name] = await self._client.subscribe(_subject(channel), cb=take)
            if new:
                await self._client.flush()
        except (Error, OSError, TimeoutError) as error:
            raise StoreUnavailableError(self._engine.endpoint, str(error) or type(error).__name__) from error
        for channel in new:
            if channel.keep_s and (kept := await self._engine.newest(channel)) and channel.name not in self._slots:
                self._slots.put(channel.name, kept)

    async def take(self) -> tuple[str, bytes]:
        """Wait for the next message; see FanOutReader."""
        while (found := self._slots.take()) is None:
            if not self._client.is_connected:
                raise StoreUnavailableError(self._engine.endpoint, "the connection broke")
            try:
                async with asyncio.timeout(TIMEOUT_S / 4):
                    await self._slots.changed.wait()
            except TimeoutError:
                continue
        return found

    async def close(self) -> None:
        """End every subscription."""
        if self._client.is_connected:
            for subscription in self._subscriptions.values():
                await subscription.unsubscribe()

    async def _put(self, channel: str, message: Msg) -> None:
        self._slots.put(channel, message.data)


def _subject(channel: Channel) -> str:
    return f"{KEPT if channel.keep_s else LIVE}.{channel.name.replace('/', '.')}"


async def _ignore(error: Exception) -> None:
    """The caller learns of the loss by its next call."""
