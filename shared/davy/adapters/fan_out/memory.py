"""The engine of replicas in one process, and of a single replica, which it costs nothing."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from davy.domain.fan_out import Channel


@dataclass(slots=True, eq=False)
class _Reader:
    """Implements FanOutReader."""

    hub: "MemoryHub"
    channels: dict[str, Channel] = field(default_factory=dict)
    waiting: dict[str, deque[bytes]] = field(default_factory=dict)  # in the order in which the channels got messages
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, channels: Collection[Channel]) -> None:
        """Replace the followed channels."""
        before, self.channels = self.channels, {channel.name: channel for channel in channels}
        for name in self.waiting.keys() - self.channels.keys():
            del self.waiting[name]
        for name in self.channels.keys() - before.keys():
            if (kept := self.hub.newest(self.channels[name])) is not None:
                self.put(self.channels[name], kept)

    def put(self, channel: Channel, message: bytes) -> None:
        """Offer a message; drops the oldest one of the channel over its depth."""
        if channel.name in self.channels:
            self.waiting.setdefault(channel.name, deque(maxlen=channel.depth)).append(message)
            self.changed.set()

    async def take(self) -> tuple[str, bytes]:
        """Wait for the next message; the channel that waited longest comes first."""
        while not self.waiting:
            self.changed.clear()
            await self.changed.wait()
        name = next(iter(self.waiting))
        messages = self.waiting.pop(name)
        message = messages.popleft()
        if messages:
            self.waiting[name] = messages
        return name, message


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
            reader.put(channel, message)

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
