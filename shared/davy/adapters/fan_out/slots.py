"""The messages that wait for one reader: of each channel the newest, up to its depth."""

import asyncio
from collections import deque
from collections.abc import Collection

from davy.domain.fan_out import Channel


class ChannelSlots:
    """Bounded queues by channel, on the event loop. The channel that waited longest is served first."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self._waiting: dict[str, deque[bytes]] = {}  # in the order in which the channels got messages
        self.changed = asyncio.Event()

    def follow(self, channels: Collection[Channel]) -> list[Channel]:
        """Replace the channels; return the new ones."""
        before, self.channels = self.channels, {channel.name: channel for channel in channels}
        for name in self._waiting.keys() - self.channels.keys():
            del self._waiting[name]
        return [channel for name, channel in self.channels.items() if name not in before]

    def put(self, channel: str, message: bytes) -> None:
        """Offer a message; drops the oldest one of the channel over its depth."""
        if (followed := self.channels.get(channel)) is not None:
            self._waiting.setdefault(channel, deque(maxlen=followed.depth)).append(message)
            self.changed.set()

    def take(self) -> tuple[str, bytes] | None:
        """Return the next message with its channel; None and a cleared `changed` if none waits."""
        if not self._waiting:
            self.changed.clear()
            return None
        name = next(iter(self._waiting))
        messages = self._waiting.pop(name)
        message = messages.popleft()
        if messages:
            self._waiting[name] = messages
        return name, message

    def __contains__(self, channel: str) -> bool:
        """Whether a message of a channel waits."""
        return channel in self._waiting
