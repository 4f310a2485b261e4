"""Records the cameras by their rules, keeps the index, and deletes by age and space."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import aclosing

from davy.adapters.recording.files import RecordingFiles
from davy.adapters.recording.folder import missing_reserve
from davy.adapters.recording.loop import RecorderLoop
from davy.adapters.recording.reader import Source
from davy.adapters.storage.recording_store import RecordingStore
from davy.domain.camera import CameraAddress
from davy.domain.errors import (
    ArchiveUnavailableError,
    StandbyError,
    UnavailableError,
    UnknownCameraError,
    UnreadableVideoError,
)
from davy.domain.event import EventQuery, EventRecord
from davy.domain.recording import Segment
from davy.domain.severity import Severity
from davy.domain.video import Feed, Variant
from davy.site import SiteConfig
from davy.streams.tasks import end, until_first_ends
from davy.telemetry import get_logger
from davy_aggregator.archive import Archive
from davy_aggregator.recording.metrics import RecordingMetrics
from davy_aggregator.recording.rules import RecordRules
from davy_aggregator.video import LiveVideo

log = get_logger(__name__)

LOOK_EVERY_S = 0.5
PAST_S = 86_400  # events that a restarted aggregator looks at
MOST_PAST = 1000
BATCH = 500  # segments in one transaction
SENDERS = 4  # uploads at the same time
SEND_AGAIN_S = 1.0  # until the next look for segments, and after a failure


class Recordings:
    """The recordings of one site. Use it on the event loop; methods that say so block and run on any thread.

    Args:
        store: The index.
        files: The segments.
        video: Live video of the cameras.
        archive: Events, which start recordings; and where failures are reported.
        site: The rules of the cameras.
        max_bytes: Quota of all segments.
        leads: Returns whether this aggregator decides: it alone deletes by age and space.
        metrics: Of the recordings.
        retention: The index in a database that other replicas use, too, for the deletions of the leader. Each replica then
            records the cameras whose edges are connected to it. None: the leader records all.
    """

    def __init__(
        self,
        store: RecordingStore,
        files: RecordingFiles,
        video: LiveVideo,
        archive: Archive,
        site: SiteConfig,
        max_bytes: int,
        leads: Callable[[], bool],
        metrics: RecordingMetrics,
        retention: RecordingStore | None = None,
    ) -> None:
        self.store, self.files, self.rules, self.metrics = store, files, RecordRules(site, store), metrics
        self.site = site.site
        self._video, self._archive, self._max_bytes, self.leads = video, archive, max_bytes, leads
        self._shared, self._retention = retention is not None, retention or store
        self._recorder = RecorderLoop(files.root, self.take, self._keep, self._failed)
        self._feeds: dict[Feed, asyncio.Task[None]] = {}
        self._unindexed: list[Segment] = []
        self._unsent: deque[Segment] = deque()
        self._indexing, self._size_lock = threading.Lock(), threading.Lock()
        self._size_bytes, self._storage_error = 0, ""
        self._reports: set[asyncio.Task[object]] = set()
        self._loop, self.loaded = asyncio.get_running_loop(), asyncio.Event()

    @property
    def error(self) -> str:
        """Why nothing is recorded, or why segments wait for the object storage; empty if all is well."""
        return self._recorder.error or self._storage_error

    async def run(self) -> None:
        """Record until cancelled."""
        for reason in await asyncio.to_thread(self._load):
            await self._archive.report("file-set-aside", reason, Severity.WARNING)
        self.loaded.set()
        try:
            await until_first_ends(
                "recordings",
                write=self._recorder.run(),
                live=self._follow_cameras(),
                events=self._follow_events(),
                send=self._send(),
            )
        finally:
            await end(*self._feeds.values())
            self._feeds.clear()

    def _load(self) -> list[str]:
        found, reasons = self.files.start(self.store.newest_start_ns())
        self._size_bytes = self.store.size_bytes()
        self.take(*found)
        return reasons

    async def _follow_cameras(self) -> None:
        while True:
            wanted = {feed for feed in self.rules.live() if self._records(feed[0])}
            for feed in wanted - self._feeds.keys():
                self._feeds[feed] = asyncio.create_task(self._follow(*feed), name=f"record.{feed[0]}.{feed[1]}")
            for feed in [feed for feed, task in self._feeds.items() if feed not in wanted or task.done()]:
                await end(self._feeds.pop(feed))
            await asyncio.sleep(LOOK_EVERY_S)

    @property
    def fills(self) -> bool:
        """Whether this aggregator takes segments from the rings of the edges that are connected to it."""
        return self._shared or self.leads()

    def _records(self, camera: CameraAddress) -> bool:
        return self._video.is_offered(camera) if self._shared else self.leads()

    async def _follow(self, camera: CameraAddress, variant: Variant) -> None:
        try:
            with self._video.watch(camera, variant, relayed=False) as queue:
                while True:
                    self._recorder.offer(await queue.take())
        except UnknownCameraError:  # the configuration is changing: the next look begins anew
            return

    async def _follow_events(self) -> None:
        after = await self._archive.last_id()
        since_ns = time.time_ns() - PAST_S * 1_000_000_000
        for event in await self._archive.search(EventQuery(since_ns=since_ns, limit=MOST_PAST)):
            await self._want(event)
        async with aclosing(self._archive.follow_batches(after)) as batches:
            async for batch in batches:
                for event in batch:
                    await self._want(event)

    async def _want(self, event: EventRecord) -> None:
        if interval := self.rules.interval(event):
            camera, start_ns, end_ns = interval
            await asyncio.to_thread(self.store.want, camera.key, start_ns, end_ns)
            self.rules.extend(camera, end_ns)

    def take(self, *segments: Segment) -> None:
        """Take finished segments of the local folder into the index; blocks."""
        self._unindexed += segments
        self._index()

    def _index(self) -> None:
        with self._indexing:
            while batch := self._unindexed[:BATCH]:
                try:
                    self._index_batch(batch)
                except (UnavailableError, OSError) as error:  # the next look tries again
                    log.error("recording.unindexed", error=str(error), waiting=len(self._unindexed))
                    return
                del self._unindexed[: len(batch)]

    def _index_batch(self, batch: list[Segment]) -> None:
        readable = [described for segment in batch if (described := self._described(segment))]
        new, replaced = self.store.add(readable)
        names = {segment.sha256 for segment in new}
        known = [segment for segment in readable if segment.sha256 not in names]
        for segment in [*replaced, *(each for each in known if not self._is_known(each))]:  # others hold all of its packets
            self.files.remove(segment)
        self._count(sum(each.bytes for each in new) - sum(each.bytes for each in replaced))
        if self.files.is_remote:
            self._unsent += readable
        for segment in new:
            self.metrics.segments.labels(segment.camera.edge, segment.camera.camera, segment.variant).inc()

    async def _send(self) -> None:
        """Move segments to the object storage, beside the recorder: one that hangs delays no packet."""
        while True:
            batch = [self._unsent.popleft() for _ in range(min(SENDERS, len(self._unsent)))]
            kept = await asyncio.gather(*(asyncio.to_thread(self._put, segment) for segment in batch))
            self._unsent.extendleft(segment for segment in reversed(kept) if segment is not None)
            self.metrics.unsent.set(len(self._unsent))
            if not batch or any(kept):
                await asyncio.sleep(SEND_AGAIN_S)

    def _put(self, segment: Segment) -> Segment | None:
        """Move a segment; return it if it has to wait."""
        try:
            self.files.put(segment)
        except (UnavailableError, OSError) as error:
            self._storage_error = f"recordings wait for the object storage: {error}"
            log.error("recording.unsent", error=str(error), waiting=len(self._unsent) + 1)
            return segment
        self._storage_error = ""
        return None

    def _described(self, segment: Segment) -> Segment | None:
        """Return a segment with what its file tells; None if it is damaged, and set aside."""
        try:
            return self.files.described(segment)
        except UnreadableVideoError as error:
            self.report_soon("recording-damaged", self.files.set_aside(segment, error.reason), Severity.WARNING)
            return None

    def _is_known(self, segment: Segment) -> bool:
        found = self.store.segments(segment.camera.key, segment.variant, segment.start_ns, segment.end_ns)
        return any(each.sha256 == segment.sha256 for each in found)

    def _count(self, change: int) -> None:
        with self._size_lock:
            self._size_bytes += change
            self.metrics.bytes.set(self._size_bytes)

    def _keep(self) -> None:
        """Index what could not be indexed, and delete by age and space; runs on the recorder's thread."""
        self._index()
        if not self.leads():
            return
        try:
            if self._shared:  # others record, too
                self._size_bytes = self.store.size_bytes()
            while self._size_bytes and (old := self.store.old(self.rules.keep_until_ns(time.time_ns()))):  # else 1,000 queries
                self.delete(old, self._retention)
            while (needed := self.missing_bytes()) > 0 and (oldest := self.store.oldest()):
                self.delete(_enough(oldest, needed), self._retention)
        except (ArchiveUnavailableError, StandbyError) as error:
            log.error("recording.not_pruned", error=str(error))

    def missing_bytes(self) -> int:
        """Bytes to be freed now, over the quota or of the disk's reserve; blocks."""
        return max(self._size_bytes - self._max_bytes, self.missing_reserve())

    def missing_reserve(self) -> int:
        """Bytes that the disk lacks for its reserve, negative if it has more; blocks."""
        return missing_reserve(self.files.root)

    def delete_range(self, camera: CameraAddress, start_ns: int, end_ns: int) -> tuple[int, int]:
        """Delete the segments inside a range; blocks. Return how many there were, and how many are held."""
        segments, held = self.store.of_range(camera.key, start_ns, end_ns)
        self.delete(segments)
        return len(segments), held

    def delete(self, segments: list[Segment], store: RecordingStore | None = None, *, forget: bool = False) -> None:
        """Delete segments; blocks.

        Args:
            segments: The segments.
            store: The index in place of the usual one.
            forget: They may be filled again from a ring.
        """
        (store or self.store).remove(
            segments, forget=forget
        )  # a file without a row is found again; a row without a file is not
        for segment in segments:
            self.files.remove(segment)
        self._count(-sum(each.bytes for each in segments))

    def sources(self, camera: str, variant: Variant, start_ns: int, end_ns: int, limit: int = 100_000) -> list[Source]:
        """Return the segments of a range with their files; blocks. Missing ones are forgotten, and may be filled again."""
        found: list[Source] = []
        for segment in self.store.segments(camera, variant, start_ns, end_ns, limit):
            file = self.files.source(segment)
            if isinstance(file, bytes) or file.is_file():
                found.append((segment, file))
            else:
                log.error("recording.missing", file=segment.path)
                self.delete([segment], forget=True)
        return found

    def set_aside(self, segment: Segment, reason: str) -> str:
        """Set a damaged segment aside, so that it is filled again where its edge still has it; blocks."""
        kept = self.files.set_aside(segment, reason)
        self.delete([segment], forget=True)
        return kept

    def report(self, kind: str, message: str, severity: Severity) -> None:
        """Store an event, without waiting for it."""
        task = asyncio.ensure_future(self._archive.report(kind, message, severity))
        self._reports.add(task)
        task.add_done_callback(self._reported)

    def report_soon(self, kind: str, message: str, severity: Severity) -> None:
        """Store an event; callable from any thread."""
        self._loop.call_soon_threadsafe(self.report, kind, message, severity)

    def _reported(self, task: "asyncio.Task[object]") -> None:
        self._reports.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("recording.report", error=str(error))

    def _failed(self, error: str) -> None:
        self.report("recording-failed", f"nothing is recorded: {error}", Severity.ALARM)


def _enough(segments: list[Segment], needed: int) -> list[Segment]:
    """Return the first segments that free so many bytes."""
    freed = 0
    for count, segment in enumerate(segments, 1):
        freed += segment.bytes
        if freed >= needed:
            return segments[:count]
    return segments
