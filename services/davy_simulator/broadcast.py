"""One camera for many viewers: one thread renders and encodes while a viewer watches; each viewer gets the newest frame."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from davy.adapters.media import jpeg
from davy.domain.errors import CameraUnavailableError, OverloadedError
from davy.domain.ports import FrameSource
from davy.streams.latest import LatestByKey

NextFrame = Callable[[], Awaitable[bytes]]
"""Waits for the newest JPEG that the viewer has not received."""


class Broadcast:
    """Open the source for the first viewer and close it after the last; used on one event loop."""

    def __init__(self, name: str, open_source: Callable[[], FrameSource], quality: int, max_viewers: int) -> None:
        self._name, self._open, self._quality, self._max_viewers = name, open_source, quality, max_viewers
        self._viewers: set[LatestByKey[str, bytes]] = set()
        self._stop: threading.Event | None = None

    @asynccontextmanager
    async def watch(self) -> AsyncIterator[NextFrame]:
        """Watch the camera: yields a function that waits for the next JPEG; a slow viewer loses older frames.

        Raises:
            OverloadedError: the camera has max_viewers viewers.
        """
        if len(self._viewers) >= self._max_viewers:
            raise OverloadedError(f"camera {self._name}", self._max_viewers)
        slot: LatestByKey[str, bytes] = LatestByKey()
        self._viewers.add(slot)
        if self._stop is None:
            self._stop = threading.Event()
            loop = asyncio.get_running_loop()
            threading.Thread(target=self._run, args=(loop, self._stop), name=f"simulator.{self._name}", daemon=True).start()

        async def next_frame() -> bytes:
            return (await slot.take())[1]

        try:
            yield next_frame
        finally:
            self._viewers.discard(slot)
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
            return  # the source or the event loop was closed
        finally:
            source.close()

    def _publish(self, data: bytes) -> None:
        for slot in self._viewers:
            slot.put(self._name, data)
