"""One camera, many viewers: a single thread renders and encodes while anybody watches, and everybody gets the newest frame."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from davy.adapters.media import jpeg
from davy.domain.errors import CameraUnavailableError, OverloadedError
from davy.domain.ports import FrameSource


class Broadcast:
    """Opens the source for the first viewer and closes it after the last. Belongs to one event loop."""

    def __init__(self, name: str, open_source: Callable[[], FrameSource], quality: int, max_viewers: int) -> None:
        self._name, self._open, self._quality, self._max_viewers = name, open_source, quality, max_viewers
        self._viewers: set[asyncio.Queue[bytes]] = set()
        self._stop: threading.Event | None = None

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[asyncio.Queue[bytes]]:
        """A one-slot queue of JPEGs, newest wins.

        Raises:
            OverloadedError: max_viewers watch already.
        """
        if len(self._viewers) >= self._max_viewers:
            raise OverloadedError(f"camera {self._name}", self._max_viewers)
        queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        self._viewers.add(queue)
        if self._stop is None:
            self._stop = threading.Event()
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._run, args=(loop, self._stop), name=f"mine.{self._name}", daemon=True).start()
        try:
            yield queue
        finally:
            self._viewers.discard(queue)
            if not self._viewers and self._stop is not None:
                self._stop.set()
                self._stop = None

    def _run(self, loop: asyncio.AbstractEventLoop, stop: threading.Event) -> None:
        source = self._open()
        try:
            while not stop.is_set():
                data = jpeg.encode(source.read().pixels, self._quality)
                if not stop.is_set():
                    loop.call_soon_threadsafe(self._publish, data)
        except (CameraUnavailableError, RuntimeError):
            return  # closed, or the loop ended while the last frame was made
        finally:
            source.close()

    def _publish(self, data: bytes) -> None:
        for queue in self._viewers:
            if queue.full():
                queue.get_nowait()  # a slow viewer loses the older frame
            queue.put_nowait(data)
