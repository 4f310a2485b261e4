"""The ring of one edge: the newest video of its cameras, within a quota of bytes and hours."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

from davy.adapters.recording.folder import SegmentFolder
from davy.adapters.recording.recorder import Recorder
from davy.domain.errors import StorageFullError
from davy.domain.record_rule import RecordRule
from davy.domain.recording import Segment
from davy.domain.severity import Severity
from davy.domain.video import Variant, VideoPacket
from davy.telemetry import get_logger

log = get_logger(__name__)

MAX_WAITING_BYTES = 32_000_000  # of packets that wait for the disk
STEP_S = 1.0
PRUNE_EVERY_S = 5.0
REPORT_AGAIN_S = 3600.0  # a full disk is reported once in this time

Report = Callable[[str, str, Severity], None]
"""Records an event: kind, message and severity."""


class Ring:
    """Records the packets that it is offered. Use it on the event loop.

    Args:
        folder: Where the segments are.
        rule: Returns the rule of a camera, by its id on this edge; None if the edge has no such camera.
        report: Records events.
    """

    def __init__(self, folder: SegmentFolder, rule: Callable[[str], RecordRule | None], report: Report) -> None:
        self.folder, self._rule, self._report = folder, rule, report
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ring")  # the end waits for the last write
        self._recorder = Recorder(folder.root, self._finished)
        self._waiting: deque[VideoPacket] = deque()
        self._waiting_bytes = 0
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._followers: set[asyncio.Queue[Segment]] = set()
        self._reported_s = float("-inf")
        self.in_use = asyncio.Event()  # there is or was something to keep
        self.loaded = asyncio.Event()  # the folder has been read
        self.dropped = 0
        self.error = ""

    def wants(self, camera: str) -> frozenset[Variant]:
        """Return the variants of a camera that the ring keeps."""
        rule = self._rule(camera)
        return rule.ring if rule else frozenset()

    def offer(self, packet: VideoPacket) -> None:
        """Take a packet; never waits. If the disk hangs, packets are dropped and counted."""
        if packet.variant not in self.wants(packet.camera.camera):
            return
        if self._waiting_bytes + len(packet.data) > MAX_WAITING_BYTES:
            self.dropped += 1
            return
        self._waiting.append(packet)
        self._waiting_bytes += len(packet.data)
        self.in_use.set()
        self._changed.set()

    async def run(self) -> None:
        """Write until cancelled; then end the open segments. Without a ring, and without a camera for it, do nothing."""
        if not self.folder.root.exists():
            await self.in_use.wait()
        for reason in await asyncio.to_thread(self.folder.load):
            self._report("file-set-aside", reason, Severity.WARNING)
        self.loaded.set()
        self.in_use.set()
        pruned_s = 0.0
        try:
            while True:
                await self._wait()
                batch = self._take()
                prunes = time.monotonic() - pruned_s >= PRUNE_EVERY_S
                pruned_s = time.monotonic() if prunes else pruned_s
                await self._loop.run_in_executor(self._thread, self._write, batch, prunes)
        finally:
            await asyncio.shield(self._loop.run_in_executor(self._thread, self._end, self._take()))

    def _take(self) -> list[VideoPacket]:
        batch = list(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        return batch

    def _end(self, batch: list[VideoPacket]) -> None:
        self._write(batch, prunes=False)
        self._recorder.close()

    async def _wait(self) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(STEP_S):
                if not self._waiting:
                    await self._changed.wait()
        except TimeoutError:
            return

    def _write(self, batch: list[VideoPacket], prunes: bool) -> None:
        """Write packets; runs on a thread, one call at a time."""
        error = ""
        if prunes:
            try:
                self.folder.prune()
            except OSError as failure:
                error = f"{self.folder.root}: {failure.strerror}"
        for packet in batch:
            try:
                self.dropped += not self._recorder.write(packet)
            except StorageFullError as failure:
                self.dropped += 1
                error = str(failure)
        try:
            self._recorder.close_idle()
        except StorageFullError as failure:
            error = str(failure)
        if batch or error:
            self._note(error)

    def _note(self, error: str) -> None:
        self.error = error
        if error and time.monotonic() - self._reported_s >= REPORT_AGAIN_S:
            self._reported_s = time.monotonic()
            report = partial(self._report, "recording-failed", f"the ring records nothing: {error}", Severity.ALARM)
            self._loop.call_soon_threadsafe(report)

    def _finished(self, segment: Segment) -> None:
        self.folder.add(segment)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._publish, segment)

    def _publish(self, segment: Segment) -> None:
        for follower in self._followers:
            follower.put_nowait(segment)

    @contextmanager
    def follow(self) -> Iterator["asyncio.Queue[Segment]"]:
        """Follow the segments that are finished in the block; one each 10 s per camera and variant."""
        queue: asyncio.Queue[Segment] = asyncio.Queue()
        self._followers.add(queue)
        try:
            yield queue
        finally:
            self._followers.discard(queue)
