"""The ring of one edge: the newest video of its cameras, within a quota of bytes and hours."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from davy.adapters.recording.folder import SegmentFolder
from davy.adapters.recording.loop import RecorderLoop
from davy.domain.record_rule import RecordRule
from davy.domain.recording import Segment
from davy.domain.severity import Severity
from davy.domain.video import Variant, VideoPacket

Report = Callable[[str, str, Severity], None]
"""Records an event: kind, message and severity."""


class Ring:
    """Records the packets that it is offered. Use it on the event loop.

    Args:
        folder: Where the segments are.
        rule: Returns the rule of a camera, by its id on this edge; None if the edge has no such camera. Callable from any
            thread.
        report: Records events.
    """

    def __init__(self, folder: SegmentFolder, rule: Callable[[str], RecordRule | None], report: Report) -> None:
        self.folder, self._rule, self._report = folder, rule, report
        self._recorder = RecorderLoop(folder.root, self._finished, folder.prune, self._failed)
        self._loop = asyncio.get_running_loop()
        self._followers: set[asyncio.Queue[Segment]] = set()
        self._in_use = asyncio.Event()  # somebody records
        self.loaded = asyncio.Event()  # the folder has been read

    @property
    def error(self) -> str:
        """Why nothing is recorded; empty if all is well."""
        return self._recorder.error

    @property
    def dropped(self) -> int:
        """Packets that were not recorded."""
        return self._recorder.dropped

    def wants(self, camera: str) -> frozenset[Variant]:
        """Return the variants of a camera that the ring keeps; callable from any thread."""
        rule = self._rule(camera)
        return rule.ring if rule else frozenset()

    def offer(self, packet: VideoPacket) -> None:
        """Take a packet; never waits."""
        if packet.variant in self.wants(packet.camera.camera):
            self._in_use.set()
            self._recorder.offer(packet)

    async def run(self) -> None:
        """Write until cancelled; then end the open segments. Without a ring, and without a camera for it, do nothing."""
        if not self.folder.root.exists():
            await self._in_use.wait()
        for reason in await asyncio.to_thread(self.folder.load):
            self._report("file-set-aside", reason, Severity.WARNING)
        self.loaded.set()
        await self._recorder.run()

    def _failed(self, error: str) -> None:
        self._report("recording-failed", f"the ring records nothing: {error}", Severity.ALARM)

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
