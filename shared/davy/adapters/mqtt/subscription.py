"""One subscription's queue of received messages."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Self

from davy.domain.ports import Message


class Subscription:
    """The newest `depth` messages of some topic filters. It ends when the bus ends or `aclose` is called.

    `lost` counts the messages that a slow reader missed.
    """

    def __init__(self, topic_filters: Sequence[str], qos: int, depth: int, forget: Callable[["Subscription"], None]) -> None:
        self.topic_filters, self.qos, self.lost = tuple(topic_filters), qos, 0
        self._waiting: deque[Message] = deque(maxlen=depth)
        self._changed = asyncio.Event()
        self._forget: Callable[[Subscription], None] | None = forget

    def offer(self, message: Message) -> None:
        """Add a received message; a full queue loses its oldest."""
        if len(self._waiting) == self._waiting.maxlen:
            self.lost += 1
        self._waiting.append(message)
        self._changed.set()

    def end(self) -> None:
        """End the iteration after the messages that wait."""
        self._forget = None
        self._changed.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        while not self._waiting:
            if self._forget is None:
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    async def aclose(self) -> None:
        """Unsubscribe in this process."""
        if self._forget is not None:
            self._forget(self)
            self.end()
