"""Records packets beside an event loop: they wait in memory while the disk works, and nobody waits for it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from davy.adapters.recording.recorder import IDLE_S, Recorder
from davy.domain.errors import StorageFullError
from davy.domain.recording import Segment
from davy.domain.video import VideoPacket

MAX_WAITING_BYTES = 64_000_000  # of packets that wait for the disk
STEP_S = 1.0
KEEP_EVERY_S = 5.0
REPORT_AGAIN_S = 3600.0  # a full disk is reported once in this time


class RecorderLoop:
    """Writes the packets that it is offered, on a thread of its own.

    Args:
        root: The folder of all recordings.
        finished: Called on the thread with each segment.
        keep: Called on the thread every 5 s: quotas. Raises OSError if the disk fails.
        failed: Called on the event loop when nothing can be recorded, once an hour.

    Attributes:
        error: Why the last packets were not recorded; empty if they were.
        dropped: Packets that were not recorded.
    """

    def __init__(
        self, root: Path, finished: Callable[[Segment], None], keep: Callable[[], object], failed: Callable[[str], None]
    ) -> None:
        self._recorder, self._keep, self._failed = Recorder(root, finished), keep, failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="recorder")  # the end waits for the last write
        self._waiting: deque[VideoPacket] = deque()
        self._waiting_bytes = 0
        self._changed, self._loop = asyncio.Event(), asyncio.get_running_loop()
        self._kept_s, self._reported_s = 0.0, float("-inf")
        self.error, self.dropped = "", 0

    def offer(self, packet: VideoPacket) -> None:
        """Take a packet; never waits. If the disk hangs, packets are dropped and counted."""
        if self._waiting_bytes + len(packet.data) > MAX_WAITING_BYTES:
            self.dropped += 1
            return
        self._waiting.append(packet)
        self._waiting_bytes += len(packet.data)
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled; then write the rest, and end the open segments."""
        try:
            while True:
                await self._wait()
                await self._loop.run_in_executor(self._thread, self._write, self._take())
        finally:
            await asyncio.shield(self._loop.run_in_executor(self._thread, self._end, self._take()))

    async def _wait(self) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(STEP_S):
                if not self._waiting:
                    await self._changed.wait()
        except TimeoutError:
            return

    def _take(self) -> list[VideoPacket]:
        batch = list(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return batch

    def _end(self, batch: list[VideoPacket]) -> None:
        self._write(batch)
        self._recorder.close()

    def _write(self, batch: list[VideoPacket]) -> None:
        error = self._look_after()
        for packet in batch:
            try:
                self.dropped += not self._recorder.write(packet)
            except StorageFullError as failure:
                self.dropped += 1
                error = str(failure)
        try:
            self._recorder.close_idle(IDLE_S)
        except StorageFullError as failure:
            error = str(failure)
        if batch or error:
            self._note(error)

    def _look_after(self) -> str:
        if time.monotonic() - self._kept_s < KEEP_EVERY_S:
            return ""
        self._kept_s = time.monotonic()
        try:
            self._keep()
        except OSError as failure:
            return failure.strerror or str(failure)
        return ""

    def _note(self, error: str) -> None:
        self.error = error
        if error and time.monotonic() - self._reported_s >= REPORT_AGAIN_S and not self._loop.is_closed():
            self._reported_s = time.monotonic()
            self._loop.call_soon_threadsafe(partial(self._failed, error))
