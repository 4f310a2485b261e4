"""Slots for one item in which the newest wins: between threads (LatestSlot) and on the event loop (LatestByKey)."""

import asyncio
import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

Delay = Callable[[K], float | None]
"""Seconds until a key may be served: 0 or less means now, None means not before the next `wake`."""


class LatestSlot(Generic[T]):
    """One slot between a thread that puts and a thread that takes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> T | None:
        """Store an item. Return the item that it replaced, or the item itself if the slot is closed."""
        with self._condition:
            if self._closed:
                return item
            replaced, self._item = self._item, item
            self._condition.notify()
            return replaced

    def wait(self) -> bool:
        """Wait for an item. Return False once the slot is closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed)
            return self._item is not None

    def take(self) -> T | None:
        """Empty the slot and return its item, if any."""
        with self._condition:
            item, self._item = self._item, None
            return item

    def close(self) -> T | None:
        """Refuse further items. Return the item that waited, if any."""
        with self._condition:
            self._closed = True
            item, self._item = self._item, None
            self._condition.notify_all()
            return item


class LatestByKey(Generic[K, T]):
    """One slot per key on the event loop. The key that waited longest is served first; any number of tasks may take."""

    def __init__(self) -> None:
        self._items: dict[K, T] = {}  # in the order in which the slots were filled
        self._changed = asyncio.Event()

    def put(self, key: K, item: T) -> T | None:
        """Store an item and return the one that it replaced. The key keeps its place in the queue."""
        replaced = self._items.get(key)
        self._items[key] = item
        self._changed.set()
        return replaced

    def __contains__(self, key: K) -> bool:
        """Whether an item of this key waits."""
        return key in self._items

    def wake(self) -> None:
        """Make `take` ask `delay` again."""
        self._changed.set()

    async def take(self, delay: Delay[K] = lambda _: 0.0) -> tuple[K, T]:
        """Wait for an item whose key may be served, and remove it."""
        while True:
            shortest_s: float | None = None
            for key in self._items:
                wait_s = delay(key)
                if wait_s is None:
                    continue
                if wait_s <= 0:
                    return key, self._items.pop(key)
                shortest_s = wait_s if shortest_s is None else min(shortest_s, wait_s)
            self._changed.clear()
            await self._wait(shortest_s)

    async def _wait(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    def pop(self, key: K) -> T | None:
        """Empty one slot and return its item, if any."""
        return self._items.pop(key, None)

    def clear(self) -> list[tuple[K, T]]:
        """Empty every slot and return the items with their keys."""
        items, self._items = list(self._items.items()), {}
        return items
