"""Fills gaps of the recordings from the ring of one edge, one segment at a time, and goes on where a break ended it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from pathlib import Path

from davy.adapters.recording.writer import first_packet, sha256_of
from davy.domain.camera import CameraAddress
from davy.domain.errors import ArchiveUnavailableError, DavyError, InvalidInputError, UnreadableVideoError
from davy.domain.recording import Segment
from davy.domain.severity import Severity
from davy.streams.tasks import wait_for_event
from davy.telemetry import get_logger
from davy_aggregator.recording.service import Recordings

log = get_logger(__name__)

GRACE_S = 5.0  # the live recording of the same packets may just be ending
LOOK_EVERY_S = 1.0
PIECE_TIMEOUT_S = 60.0
MAX_LISTED = 200_000  # segments of one edge: 24 hours of 20 cameras, and both variants
CHOOSE = 200  # segments that are looked up together
ATTEMPTS = 3  # of a segment that comes damaged


class SegmentFill:
    """Chooses and receives the segments of one edge's ring. Use it on the event loop.

    Args:
        recordings: What is recorded already.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._new: OrderedDict[str, tuple[Segment, float]] = OrderedDict()
        self._unwanted: dict[CameraAddress, dict[str, Segment]] = {}  # until an event wants them
        self._seen: dict[CameraAddress, int] = {}
        self._missing: OrderedDict[str, Segment] = OrderedDict()
        self._current: Segment | None = None
        self._received, self._done = asyncio.Event(), asyncio.Event()
        self._failures: dict[str, int] = {}

    def offer(self, segments: list[Segment]) -> None:
        """Take segments of the ring's list."""
        now_s = time.monotonic()
        self._new |= {segment.sha256: (segment, now_s) for segment in segments}
        while len(self._new) > MAX_LISTED:
            self._new.popitem(last=False)

    async def requests(self) -> AsyncGenerator[tuple[Segment, int], None]:
        """Yield the segments that are lacking, each with the offset from which on it is, until cancelled."""
        await self._recordings.loaded.wait()
        while True:
            await self._choose()
            if not self._missing or not await self._has_room():
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            _, segment = self._missing.popitem(last=False)
            offset = await asyncio.to_thread(_size, self._partial(segment))
            if offset >= segment.bytes:  # a break came between its last piece and its check
                await self._finish(segment)
                continue
            self._current = segment
            self._done.clear()
            yield segment, offset
            await self._until_received()

    async def _choose(self) -> None:
        """Move what is lacking from the list to the missing."""
        if not self._recordings.fills:
            return
        now_s = time.monotonic()
        due = [segment for segment, listed_s in self._new.values() if now_s - listed_s >= GRACE_S][:CHOOSE]
        for segment in due:
            del self._new[segment.sha256]
        due += self._wanted_again()
        if not due:
            return
        try:
            lacking, unwanted = await asyncio.to_thread(self._lacking, due)
        except ArchiveUnavailableError:
            self.offer(due)
            return
        for segment in unwanted:
            self._unwanted.setdefault(segment.camera, {})[segment.sha256] = segment
        self._missing |= {segment.sha256: segment for segment in lacking}

    def _wanted_again(self) -> list[Segment]:
        """Return the unwanted segments of cameras with a new interval."""
        rules = self._recordings.rules
        found: list[Segment] = []
        for camera in list(self._unwanted):
            if self._seen.get(camera) != rules.version[camera]:
                self._seen[camera] = rules.version[camera]
                found += self._unwanted.pop(camera).values()
        return found

    def _lacking(self, segments: list[Segment]) -> tuple[list[Segment], list[Segment]]:
        """Return the segments that are wanted and lacking, and those that are not wanted yet; blocks."""
        rules = self._recordings.rules
        wanted = [segment for segment in segments if rules.wants(segment)]
        names = {segment.sha256 for segment in wanted}
        later = [each for each in segments if each.sha256 not in names and rules.rule(each.camera).mode in ("motion", "alarm")]
        return self._recordings.store.lacking(wanted), later

    async def _has_room(self) -> bool:
        return await asyncio.to_thread(self._recordings.missing_bytes) <= 0

    async def _until_received(self) -> None:
        """Wait for the end of the present segment, or for silence."""
        while not self._done.is_set():
            self._received.clear()
            if not await wait_for_event(self._received, PIECE_TIMEOUT_S):
                log.warning("recording.fill_timeout", camera=self._current and str(self._current.camera))
                self._current = None
                return

    async def take(self, sha256: str, offset: int, data: bytes, gone: bool) -> None:
        """Take a piece.

        Raises:
            InvalidInputError: it does not follow the piece before it.
        """
        segment = self._current
        if segment is None or sha256 != segment.sha256:
            return  # of a request that timed out
        if gone:
            self._end()
            return
        try:
            is_whole = await asyncio.to_thread(self._append, segment, offset, data)
        except OSError as error:
            log.error("recording.fill_failed", error=str(error))
            self._end()
            return
        if is_whole:
            await self._finish(segment)
        self._received.set()

    def _append(self, segment: Segment, offset: int, data: bytes) -> bool:
        """Append to the partial file; return whether it is whole."""
        path = self._partial(segment)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            if (size := file.tell()) == offset and offset + len(data) <= segment.bytes:
                file.write(data)
                return offset + len(data) == segment.bytes
        path.unlink()
        raise InvalidInputError(f"a piece at {offset} does not follow the {size} bytes of its segment")

    async def _finish(self, segment: Segment) -> None:
        try:
            stored = await asyncio.to_thread(self._store, segment)
        except (DavyError, OSError) as error:
            self._recordings.metrics.refused.labels(segment.camera.edge).inc()
            failures = self._failures[segment.sha256] = self._failures.get(segment.sha256, 0) + 1
            if failures < ATTEMPTS:
                self._missing[segment.sha256] = segment
            else:
                message = f"a recorded segment of {segment.camera} in the ring of its edge is damaged: {error}"
                self._recordings.report("recording-damaged", message, Severity.WARNING)
        else:
            self._recordings.metrics.filled.labels(segment.camera.edge).inc()
            log.info("recording.filled", camera=str(stored.camera), first_seq=stored.first_seq, last_seq=stored.last_seq)
        self._end()

    def _store(self, segment: Segment) -> Segment:
        """Check a whole file and take it; blocks.

        Raises:
            UnreadableVideoError: it is not what was listed.
        """
        partial = self._partial(segment)
        try:
            if sha256_of(partial) != segment.sha256:
                raise UnreadableVideoError(segment.path, "its hash is another one")
            first = first_packet(partial)
            if (first.camera, first.variant, first.boot_id, first.seq, first.captured_ns) != (
                segment.camera,
                segment.variant,
                segment.boot_id,
                segment.first_seq,
                segment.start_ns,
            ):
                raise UnreadableVideoError(segment.path, "it is the recording of something else")
            final = self._recordings.files.root / segment.path
            final.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(final)
        finally:
            partial.unlink(missing_ok=True)
        self._recordings.take(segment)
        return segment

    def _end(self) -> None:
        self._current = None
        self._done.set()
        self._received.set()

    def _partial(self, segment: Segment) -> Path:
        return self._recordings.files.incoming / segment.sha256


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
