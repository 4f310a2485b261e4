"""The port between the aggregators of one site, its replicas: messages that any replica publishes and others follow.

Messages may be lost: nothing durable travels here. A slow reader gets the newest messages, never a queue of old ones.
"""

from collections.abc import Collection
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Channel:
    """A named channel; whoever publishes to it and whoever follows it name it alike.

    Args:
        name: Letters, digits, `-` and `/`.
        depth: A reader that is slower than the channel gets this many messages, the newest.
        keep_s: A new reader first gets the newest message, if it is younger; 0: only later ones.
    """

    name: str
    depth: int = 1
    keep_s: float = 0.0


class FanOutReader(Protocol):
    """The channels that one replica follows. One task calls `take`, any may call `follow`."""

    async def follow(self, channels: Collection[Channel]) -> None:
        """Replace the followed channels; a channel that was followed before misses nothing.

        Raises:
            StoreUnavailableError: the engine is away.
        """
        ...

    async def take(self) -> tuple[str, bytes]:
        """Wait for the next message of a followed channel; return the channel's name and the message.

        Raises:
            StoreUnavailableError: the engine is away; open another reader after `FanOut.wait_until_up`.
        """
        ...


class FanOut(Protocol):
    """A connection to the engine between replicas. A replica that follows a channel gets its own messages, too.

    Attributes:
        endpoint: URL of the engine without a password; empty for the process's own memory.
    """

    endpoint: str

    async def publish(self, channel: Channel, message: bytes) -> None:
        """Publish a message to every reader that follows the channel.

        Raises:
            StoreUnavailableError: the engine is away, full or refuses the message.
        """
        ...

    async def newest(self, channel: Channel) -> bytes | None:
        """Return the newest message of a channel with keep_s; None if there is none, or it is older than keep_s.

        Raises:
            StoreUnavailableError: the engine is away.
        """
        ...

    def read(self) -> AbstractAsyncContextManager[FanOutReader]:
        """Open a reader for the duration of the block; it follows nothing yet."""
        ...

    async def check(self) -> None:
        """Ask whether the engine answers.

        Raises:
            StoreUnavailableError: it does not.
        """
        ...

    async def wait_until_up(self) -> None:
        """Ask again and again, with a random pause, until the engine answers."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
