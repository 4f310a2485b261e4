"""Archive of events: durable before acknowledgement, each event once, bounded in size and age."""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from davy.adapters.storage.database import Database, last_id
from davy.adapters.storage.edge_shares import EdgeShares
from davy.adapters.storage.event_insert import insert_of, row_of
from davy.adapters.storage.event_partitions import PERIODS, EventPartitions
from davy.adapters.storage.event_query import select_events
from davy.adapters.storage.event_space import count_space, delete_events, delete_keyframes
from davy.adapters.storage.event_tables import NOUN, event, keyframe
from davy.domain.event import EventQuery, EventRecord, Mark

KEYFRAME_WEIGHT = 100  # of an event with a picture, where one without has 1: roughly their bytes
PRUNE_KEYFRAMES = 64  # deleted per transaction, which blocks others
PRUNE_EVENTS = 1024

_WEIGHTS = (
    select(event.c.edge, func.count() + KEYFRAME_WEIGHT * func.count(keyframe.c.event))
    .select_from(event.outerjoin(keyframe, keyframe.c.event == event.c.id))
    .group_by(event.c.edge)
)


class EventStore:
    """Events and their keyframes. Calls block and may come from any thread.

    Args:
        max_bytes: Of events and keyframes. Over it the edge that takes most loses its oldest keyframes first, then its oldest
            events: an edge that reports without end pushes out its own.
        max_age_s: Events that came longer ago go (an edge's clock may be wrong); 0 keeps them until bytes are short.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, max_bytes: int = 2_000_000_000, max_age_s: float = 0.0) -> None:
        self.database, self.max_bytes, self.max_age_s = database, max_bytes, max_age_s
        self._insert, self._shares = insert_of(database), EdgeShares(_WEIGHTS)
        self._partitions = None if database.embedded else EventPartitions(database)

    def add(self, events: Sequence[EventRecord]) -> list[EventRecord]:
        """Store a batch in one transaction; it is durable on return.

        Returns:
            The events that are new, with their ids. An event that was stored before is not changed.
        """
        if not events:
            return []
        with self.database.transaction(NOUN) as connection:
            return self.add_within(connection, events)

    def add_within(self, connection: Connection, events: Sequence[EventRecord]) -> list[EventRecord]:
        """Store a batch as a part of a transaction of NOUN; see `add`."""
        received_ns = time.time_ns()
        ids = dict(self._insert(connection, [row_of(each, received_ns) for each in events]))
        named = [(ids.pop((each.site, each.edge, each.boot_id, each.seq), 0), each) for each in events]
        new = [(row_id, each) for row_id, each in named if row_id]
        if jpegs := [{"event": row_id, "jpeg": each.keyframe} for row_id, each in new if each.keyframe]:
            connection.execute(insert(keyframe), jpegs)
        return [_stored(row_id, each, received_ns) for row_id, each in new]

    def query(self, query: EventQuery) -> list[EventRecord]:
        """Find events, newest first, or oldest first if `query.after` is given; at most query.limit."""
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(select_events(query, blocks=self._partitions is not None))]

    def keyframe(self, event_id: int) -> bytes | None:
        """Read the JPEG of an event; None if it has none or retention deleted it."""
        with self.database.read() as connection:
            found = connection.execute(select(keyframe.c.jpeg).where(keyframe.c.event == event_id)).scalar_one_or_none()
        return None if found is None else bytes(found)

    def last_id(self) -> int:
        """Id of the newest event; 0 without events."""
        with self.database.read() as connection:
            return last_id(connection, event.c.id)

    def prune(self, now_ns: int | None = None) -> int:
        """Enforce max_age_s and max_bytes; return the number of deleted events (without keyframes deleted alone)."""
        gone = self._delete_aged(now_ns or time.time_ns())
        freed = bool(gone)
        while self.size_bytes() > self.max_bytes:
            freed = True
            keyframes, events = self._delete_of_largest()
            gone += events
            if not keyframes + events:
                break
        if freed:
            self.database.release_space()
        return gone

    def _delete_aged(self, now_ns: int) -> int:
        gone, oldest_ns = 0, now_ns - int(self.max_age_s * 1e9)
        if self._partitions:
            self._partitions.advance(self.max_age_s, now_ns)
            gone += self._partitions.drop_before(oldest_ns) if self.max_age_s else 0
            oldest_ns -= int(self.max_age_s / PERIODS * 1e9)  # what no partition took along: it spans more than a period
        while self.max_age_s and (deleted := self._delete_old_events(oldest_ns)):
            gone += deleted
        return gone

    def size_bytes(self) -> int:
        """Size of all events and keyframes in bytes."""
        with self.database.transaction(NOUN) as connection:
            return count_space(connection)

    def _delete_of_largest(self) -> tuple[int, int]:
        """Delete the oldest of the edge that takes most; return the numbers of keyframes and of events."""
        with self.database.transaction(NOUN) as connection:
            count_space(connection)
            while edge := self._shares.largest(connection):
                of_edge = select(event.c.id).where(event.c.edge == edge).order_by(event.c.id)
                pictures = of_edge.join(keyframe, keyframe.c.event == event.c.id).limit(PRUNE_KEYFRAMES)
                if chosen := connection.scalars(pictures).all():
                    self._shares.deleted(edge, KEYFRAME_WEIGHT * len(chosen))
                    return delete_keyframes(connection, chosen), 0
                chosen = connection.scalars(of_edge.limit(PRUNE_EVENTS // 16)).all()
                self._shares.deleted(edge, len(chosen))
                if chosen:
                    return 0, delete_events(connection, chosen)
            return 0, 0

    def _delete_old_events(self, before_ns: int) -> int:
        old = select(event.c.id).where(event.c.received_ns < before_ns)
        if self._partitions:  # the oldest ones have the lowest ids
            first = select(event.c.id, event.c.received_ns).order_by(event.c.id).limit(PRUNE_EVENTS).subquery()
            old = select(first.c.id).where(first.c.received_ns < before_ns)
        with self.database.transaction(NOUN) as connection:
            count_space(connection)
            return delete_events(connection, connection.scalars(old.limit(PRUNE_EVENTS)).all())


def _stored(row_id: int, each: EventRecord, received_ns: int) -> EventRecord:
    return replace(each, id=row_id, received_ns=received_ns, has_keyframe=bool(each.keyframe), keyframe=b"")


def _record(row: Row[Any]) -> EventRecord:
    columns = dict(row._mapping)
    marks = tuple(Mark(*mark) for mark in json.loads(row.marks))
    return EventRecord(**columns | {"figures": json.loads(row.figures), "marks": marks, "has_keyframe": bool(row.has_keyframe)})
