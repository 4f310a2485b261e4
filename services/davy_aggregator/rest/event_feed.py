"""New events as JSON, read from the archive once and encoded once for everybody who follows them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from functools import cached_property

from davy.domain.event import EventQuery, EventRecord
from davy_aggregator.archive import Archive
from davy_aggregator.rest.schemas import Event

KEPT = 1024  # newest events, some 500 bytes each: a follower that is further behind reads the archive by itself
BATCH = 100


@dataclass(frozen=True, eq=False)
class EncodedEvent:
    """An event with its texts, which are made on first use.

    Args:
        record: The event.
    """

    record: EventRecord

    @cached_property
    def json(self) -> str:
        """The event as REST shows it."""
        return Event.of(self.record).model_dump_json()

    @cached_property
    def sse(self) -> bytes:
        """The event as a server-sent event."""
        return f"id: {self.record.id}\r\nevent: event\r\ndata: {self.json}\r\n\r\n".encode()

    @cached_property
    def message(self) -> str:
        """The event as a message of the console's WebSocket."""
        return f'{{"type":"event","event":{self.json}}}'


class EventFeed:
    """The newest events of the archive, shared by all followers.

    Whoever finds nothing new reads the archive for all; the others wait for what it finds.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: deque[EncodedEvent] = deque(maxlen=KEPT)
        self._floor = -1  # events up to this id may be missing in _kept; -1 before the first follower
        self._reading = asyncio.Lock()
        self._source: AsyncGenerator[list[EventRecord], None] | None = None

    async def follow(self, after: int | None = None) -> AsyncGenerator[Sequence[EncodedEvent], None]:
        """Yield events in the order of storage, some at a time, from the one after id `after` (None: only new ones).

        Raises:
            ArchiveUnavailableError: the archive cannot be read.
        """
        position = after if after is not None else await self._archive.last_id()
        while True:
            found = await self._after(position)
            if found:
                position = found[-1].record.id
                yield found
            else:
                await self._read_on(position)

    @property
    def _newest(self) -> int:
        return self._kept[-1].record.id if self._kept else self._floor

    async def _after(self, position: int) -> Sequence[EncodedEvent]:
        if self._floor < 0:
            self._floor = position
        if position >= self._newest:
            return ()
        if position >= self._floor:
            return self._tail(position)
        batch = await self._archive.query(EventQuery(after=position, limit=BATCH))
        return [EncodedEvent(record) for record in batch]

    def _tail(self, position: int) -> Sequence[EncodedEvent]:
        found: deque[EncodedEvent] = deque()
        for each in reversed(self._kept):
            if each.record.id <= position:
                break
            found.appendleft(each)
        return list(found)[:BATCH]

    async def _read_on(self, position: int) -> None:
        """Return once there may be events after a position."""
        async with self._reading:
            if self._newest > position:
                return
            if self._source is None:
                self._source = self._archive.follow_batches(max(self._newest, position), BATCH)
            try:
                batch = await anext(self._source)
            except BaseException:  # a reader that leaves ends the generator; the next one makes another
                self._source = None
                raise
            for record in batch:
                self._keep(EncodedEvent(record))

    def _keep(self, event: EncodedEvent) -> None:
        if len(self._kept) == KEPT:
            self._floor = self._kept[0].record.id
        self._kept.append(event)
