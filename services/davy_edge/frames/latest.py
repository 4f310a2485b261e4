"""One slot, newest wins: between threads (LatestSlot) and on the event loop (LatestByKey)."""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestSlot(Generic[T]):
    """One slot between a thread that puts and a thread that takes."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._item: T | None = None
        self._closed = False

    def put(self, item: T) -> T | None:
        """Leave an item; returns the one that it displaced, or the item itself if the mailbox is closed."""
        with self._condition:
            if self._closed:
                return item
            displaced, self._item = self._item, item
            self._condition.notify()
            return displaced

    def wait(self) -> bool:
        """Wait until there is an item; False once the mailbox is closed and empty."""
        with self._condition:
            self._condition.wait_for(lambda: self._item is not None or self._closed)
            return self._item is not None

    def take(self) -> T | None:
        with self._condition:
            item, self._item = self._item, None
            return item

    def close(self) -> T | None:
        """Take nothing more; returns the item that was waiting."""
        with self._condition:
            self._closed = True
            item, self._item = self._item, None
            self._condition.notify_all()
            return item


class LatestByKey(Generic[T]):
    """One slot per camera on the event loop; the camera that waited longest is served first."""

    def __init__(self) -> None:
        self._items: dict[str, T] = {}  # in the order in which the slots were filled
        self._news = asyncio.Event()

    def put(self, camera: str, item: T) -> T | None:
        """Leave an item; returns the one that it displaced. A camera keeps its place in the queue."""
        displaced = self._items.get(camera)
        self._items[camera] = item
        self._news.set()
        return displaced

    def wake(self) -> None:
        """Let `take` look again: what `may` says has changed."""
        self._news.set()

    async def take(self, may: Callable[[str], bool] = lambda _: True) -> tuple[str, T]:
        """Wait for an item of a camera for which `may` says yes."""
        while True:
            for camera in self._items:
                if may(camera):
                    return camera, self._items.pop(camera)
            self._news.clear()
            await self._news.wait()

    def pop(self, camera: str) -> T | None:
        """Empty a camera's slot; returns what was in it."""
        return self._items.pop(camera, None)

    def clear(self) -> list[tuple[str, T]]:
        """Empty every slot; returns what was in them."""
        items, self._items = list(self._items.items()), {}
        return items
