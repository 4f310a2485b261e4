"""Credit-based flow control: a bounded number of unacknowledged frames per camera."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Credits(Generic[K, T]):
    """Items that were sent and not yet acknowledged, by key and sequence number.

    Args:
        window: Unacknowledged items per key, at most. It may change at any time.
    """

    def __init__(self, window: int) -> None:
        self.window = window
        self._sent: dict[K, dict[int, T]] = {}

    def __bool__(self) -> bool:
        """Whether any item is unacknowledged."""
        return any(self._sent.values())

    def available(self, key: K) -> bool:
        """Whether another item of this key may be sent."""
        return len(self._sent.get(key, ())) < self.window

    def spend(self, key: K, seq: int, item: T) -> None:
        """Record that an item was sent."""
        self._sent.setdefault(key, {})[seq] = item

    def give_back(self, key: K, seq: int) -> T | None:
        """Record an acknowledgement. Return the item, or None for an unknown one."""
        return self._sent.get(key, {}).pop(seq, None)

    def items(self) -> Iterator[T]:
        """Iterate over the unacknowledged items of all keys."""
        for sent in self._sent.values():
            yield from sent.values()

    def clear(self) -> list[T]:
        """Forget and return all unacknowledged items."""
        found = list(self.items())
        self._sent.clear()
        return found
