"""Asynchronous access to the event archive."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import ParamSpec, TypeVar

from davy.adapters.storage.event_store import EventStore
from davy.domain.errors import ArchiveUnavailableError, StandbyError
from davy.domain.event import EventQuery, EventRecord, Mark
from davy.streams.tasks import wait_for_event
from davy.telemetry import get_logger
from davy_aggregator.metrics import AggregatorMetrics

log = get_logger(__name__)

PRUNE_EVERY_S = 5.0
SHARED_LOOK_S = 0.5  # for events that another replica has stored
REPORTER = "aggregator"  # the edge id of the aggregator's own events

P = ParamSpec("P")
R = TypeVar("R")


class Archive:
    """Access to the event store through one thread, with a signal for new events.

    Args:
        store: Used only from this object's thread.
        site: Site id of the events that `report` stores.
        pruning: The same store in a database that other replicas use, too: only the leader deletes. None if there are none.

    Attributes:
        committed: Called after each commit: other replicas of one database have something to read.
    """

    def __init__(self, store: EventStore, site: str, metrics: AggregatorMetrics, pruning: EventStore | None = None) -> None:
        self.store, self._site, self._metrics = store, site, metrics
        self._pruning, self._look_s = pruning or store, SHARED_LOOK_S if pruning else None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._boot_id, self._seq = uuid.uuid4().hex[:12], 0
        self.boot_ids = {self._boot_id}  # of the events that this process makes
        self._changed = asyncio.Event()
        self.committed: Callable[[], None] = lambda: None
        self._pruned_s = 0.0
        self.error = ""  # error of the newest write; empty if it succeeded

    async def record(self, events: Sequence[EventRecord]) -> list[EventRecord]:
        """Store events durably. Return the new ones.

        Raises:
            ArchiveUnavailableError: the disk is full or fails; nothing is stored.
        """
        new, _ = await self.commit(lambda: (self.store.add(events), None), events)
        return new

    async def commit(
        self, write: Callable[[], tuple[list[EventRecord], R]], events: Sequence[EventRecord] = ()
    ) -> tuple[list[EventRecord], R]:
        """Run a transaction that stores events, in this object's thread, and announce the new ones.

        Args:
            write: Stores; returns the new events and anything else.
            events: The events as they came, of which some may be stored already.

        Raises:
            ArchiveUnavailableError: the disk is full or fails; nothing is stored.
        """
        started_s = time.monotonic()
        try:
            new, result = await self._call(write)
        except ArchiveUnavailableError as error:
            self.error = error.reason
            raise
        self.error = ""
        self._metrics.commit.observe(time.monotonic() - started_s)
        self._count(events or new, new)
        if new:
            self.look()
        self.committed()
        await self._prune()
        return new, result

    async def report(
        self,
        kind: str,
        message: str,
        severity: int,
        camera: str = "",
        figures: Mapping[str, float] | None = None,
        jpeg: bytes = b"",
        marks: Sequence[Mark] = (),
    ) -> EventRecord:
        """Store an event of the aggregator itself; marks are what was found in its picture.

        Raises:
            ArchiveUnavailableError: the event could not be stored.
        """
        self._seq += 1
        event = EventRecord(
            site=self._site,
            edge=REPORTER,
            boot_id=self._boot_id,
            seq=self._seq,
            camera=camera,
            occurred_ns=time.time_ns(),
            severity=severity,
            kind=kind,
            message=message,
            figures=figures or {},
            keyframe=jpeg,
            marks=tuple(marks),
        )
        (stored,) = await self.record([event])
        return stored

    async def query(self, query: EventQuery) -> list[EventRecord]:
        return await self._call(self.store.query, query)

    async def search(self, query: EventQuery) -> list[EventRecord]:
        """Find events as `query` does, beside the writes: a search for text may look at every row."""
        return await asyncio.to_thread(self.store.query, query)

    async def get(self, event_id: int) -> EventRecord | None:
        """Return an event without its picture; None if it is gone."""
        found = await self.search(EventQuery(after=event_id - 1, before=event_id + 1, limit=1))
        return found[0] if found else None

    async def last_id(self) -> int:
        """Return the id of the newest event."""
        return await self._call(self.store.last_id)

    async def keyframe(self, event_id: int) -> bytes | None:
        return await self._call(self.store.keyframe, event_id)

    async def follow(self, after: int | None = None) -> AsyncGenerator[EventRecord, None]:
        """Yield events in order of storage, from the one after id `after` (None: only new ones).

        Events come from the store, so that a slow reader loses none and uses no memory.
        """
        position = after if after is not None else await self.last_id()
        async with aclosing(self.follow_batches(position)) as batches:
            async for batch in batches:
                for event in batch:
                    yield event

    async def follow_batches(self, after: int, limit: int = 100) -> AsyncGenerator[list[EventRecord], None]:
        """Yield events as `follow` does, some at a time, at most limit."""
        while True:
            changed = self._changed
            if batch := await self.query(EventQuery(after=after, limit=limit)):
                after = batch[-1].id
                yield batch
            else:
                await wait_for_event(changed, self._look_s)

    async def keep(self) -> None:
        """Delete by age and space until cancelled, while other replicas store the events."""
        while True:
            await self._prune()
            await asyncio.sleep(PRUNE_EVERY_S)

    def look(self) -> None:
        """Let those who follow read the store now."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def close(self) -> None:
        """Wait for the present write, and accept no more."""
        await asyncio.to_thread(self._thread.shutdown)

    async def _prune(self) -> None:
        if time.monotonic() - self._pruned_s < PRUNE_EVERY_S:
            return
        self._pruned_s = time.monotonic()
        try:
            gone = await self._call(self._pruning.prune)
            self._metrics.archive_bytes.set(await self._call(self.store.size_bytes))
        except StandbyError:
            return
        except ArchiveUnavailableError as error:  # the events themselves are stored
            self.error = error.reason
            return
        if gone:
            log.info("archive.pruned", events=gone)

    def _count(self, events: Sequence[EventRecord], new: Sequence[EventRecord]) -> None:
        for event in new:
            self._metrics.count_event(event.kind, event.severity)
        self._metrics.duplicates.inc(len(events) - len(new))

    async def _call(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*args, **kwargs))
