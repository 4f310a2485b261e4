"""The engine of replicas in one process, and of a single replica, which it costs nothing."""

import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from davy.adapters.fan_out.slots import ChannelSlots
from davy.domain.fan_out import Channel


class _Reader:
    """Implements FanOutReader."""

    def __init__(self, hub: "MemoryHub") -> None:
        self._hub, self.slots = hub, ChannelSlots()

    async def follow(self, channels: Collection[Channel]) -> None:
        """Replace the followed channels."""
        for channel in self.slots.follow(channels):
            if (kept := self._hub.newest(channel)) is not None:
                self.slots.put(channel.name, kept)

    async def take(self) -> tuple[str, bytes]:
        """Wait for the next message."""
        while (found := self.slots.take()) is None:
            await self.slots.changed.wait()
        return found


class MemoryHub:
    """The channels of one process; replicas that share a hub hear each other. Use it on one event loop."""

    def __init__(self) -> None:
        self._readers: set[_Reader] = set()
        self._kept: dict[str, tuple[bytes, float]] = {}  # with the time of publication

    def publish(self, channel: Channel, message: bytes) -> None:
        """Offer a message to every reader of a channel."""
        if channel.keep_s:
            self._kept[channel.name] = (message, time.monotonic())
        for reader in self._readers:
            reader.slots.put(channel.name, message)

    def newest(self, channel: Channel) -> bytes | None:
        """Return the newest kept message, None if there is none or it is too old."""
        message, at_s = self._kept.get(channel.name, (None, 0.0))
        return message if time.monotonic() - at_s < channel.keep_s else None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[_Reader]:
        """Register a reader for the duration of the block."""
        reader = _Reader(self)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)


class MemoryFanOut:
    """Implements FanOut over a hub of this process.

    Args:
        hub: Shared with the other replicas of this process; None: there are none.
    """

    endpoint = ""

    def __init__(self, hub: MemoryHub | None = None) -> None:
        self._hub = hub or MemoryHub()
        self.read = self._hub.read

    async def publish(self, channel: Channel, message: bytes) -> None:
        """Publish a message to the readers of the same hub."""
        self._hub.publish(channel, message)

    async def newest(self, channel: Channel) -> bytes | None:
        """Return the newest message of a channel that keeps one."""
        return self._hub.newest(channel)

    async def check(self) -> None:
        """Memory always answers."""

    async def wait_until_up(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """Nothing is open."""
