"""Archive of events: durable before acknowledgement, each event once, bounded in size and age."""

import json
import time
from collections.abc import Sequence
from dataclasses import astuple, replace
from operator import eq, ge, gt, lt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
)

from davy.adapters.storage.database import Database, last_id
from davy.adapters.storage.edge_shares import EdgeShares
from davy.adapters.storage.schema import RowId, metadata, storable_text
from davy.adapters.storage.space_used import change_space, counted_space
from davy.domain.event import EventQuery, EventRecord, Mark

NOUN = "event"
ROW_BYTES = 400  # of an event without texts: columns, four indexes, and unused space of pages
KEYFRAME_WEIGHT = 100  # of an event with a picture, where one without has 1: roughly their bytes
PRUNE_KEYFRAMES = 64  # deleted per transaction, which blocks others
PRUNE_EVENTS = 1024

event = Table(
    "event",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("site", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("camera", Text, nullable=False),
    Column("occurred_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("marks", Text, nullable=False, server_default="[]"),
    UniqueConstraint("site", "edge", "boot_id", "seq", name="event_name"),
    Index("event_occurred", "occurred_ns"),
    Index("event_received", "received_ns"),
    Index("event_camera", "camera", "id"),
    sqlite_autoincrement=True,
)
keyframe = Table(
    "keyframe",
    metadata,
    Column("event", RowId, ForeignKey("event.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("jpeg", LargeBinary, nullable=False),
)
_SIZE = ROW_BYTES + func.length(event.c.message) + func.length(event.c.figures) + func.length(event.c.marks)
_NAME = (event.c.site, event.c.edge, event.c.boot_id, event.c.seq)
_NEWEST = select(func.coalesce(func.max(event.c.id), literal_column("0")))
_STORED_AFTER = select(event.c.id, *_NAME).where(event.c.id > bindparam("before"))
_WEIGHTS = (
    select(event.c.edge, func.count() + KEYFRAME_WEIGHT * func.count(keyframe.c.event))
    .select_from(event.outerjoin(keyframe, keyframe.c.event == event.c.id))
    .group_by(event.c.edge)
)
_QUERIED = select(event, exists().where(keyframe.c.event == event.c.id).label("has_keyframe"))


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
        inserting = database.insert(event).on_conflict_do_nothing(index_elements=_NAME)
        self._insert = database.compile(inserting, [each.name for each in event.columns if each is not event.c.id])
        self._shares = EdgeShares(_WEIGHTS)
        self._newest, self._stored_after = database.compile(_NEWEST), database.compile(_STORED_AFTER)

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
        rows = [_row(each, received_ns) for each in events]
        cursor = connection.connection.cursor()
        cursor.execute(self._newest)
        before = cursor.fetchall()[0][0]
        cursor.executemany(self._insert, rows)
        cursor.execute(self._stored_after, {"before": before})
        ids = {(site, edge, boot, seq): row_id for row_id, site, edge, boot, seq in cursor.fetchall()}
        cursor.close()
        named = [(ids.pop((each.site, each.edge, each.boot_id, each.seq), 0), each) for each in events]
        new = [(row_id, each) for row_id, each in named if row_id]
        if jpegs := [{"event": row_id, "jpeg": each.keyframe} for row_id, each in new if each.keyframe]:
            connection.execute(insert(keyframe), jpegs)
        return [_stored(row_id, each, received_ns) for row_id, each in new]

    def query(self, query: EventQuery) -> list[EventRecord]:
        """Find events, newest first, or oldest first if `query.after` is given; at most query.limit."""
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(_select(query))]

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
        gone = 0
        if self.max_age_s:
            oldest_ns = (now_ns or time.time_ns()) - int(self.max_age_s * 1e9)
            while deleted := self._delete_old_events(oldest_ns):
                gone += deleted
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

    def size_bytes(self) -> int:
        """Size of all events and keyframes in bytes."""
        with self.database.transaction(NOUN) as connection:
            return _count_space(connection)

    def _delete_of_largest(self) -> tuple[int, int]:
        """Delete the oldest of the edge that takes most; return the numbers of keyframes and of events."""
        with self.database.transaction(NOUN) as connection:
            _count_space(connection)
            while edge := self._shares.largest(connection):
                of_edge = select(event.c.id).where(event.c.edge == edge).order_by(event.c.id)
                pictures = of_edge.join(keyframe, keyframe.c.event == event.c.id).limit(PRUNE_KEYFRAMES)
                if chosen := connection.scalars(pictures).all():
                    self._shares.deleted(edge, KEYFRAME_WEIGHT * len(chosen))
                    return _delete_jpegs(connection, chosen), 0
                chosen = connection.scalars(of_edge.limit(PRUNE_EVENTS // 16)).all()
                self._shares.deleted(edge, len(chosen))
                if chosen:
                    return 0, _delete_events(connection, chosen)
            return 0, 0

    def _delete_old_events(self, before_ns: int) -> int:
        old = select(event.c.id).where(event.c.received_ns < before_ns).limit(PRUNE_EVENTS)
        with self.database.transaction(NOUN) as connection:
            _count_space(connection)
            return _delete_events(connection, connection.scalars(old).all())


def _count_space(connection: Connection) -> int:
    """Add the rows since the last count; return the size of all in bytes."""
    size, counted_to = counted_space(connection, NOUN)
    newest = last_id(connection, event.c.id)
    if newest <= counted_to:
        return size
    new = _sum(connection, _SIZE, event.c.id > counted_to)
    new += _sum(connection, func.length(keyframe.c.jpeg), keyframe.c.event > counted_to)
    change_space(connection, NOUN, new, newest)
    return size + new


def _sum(connection: Connection, size: ColumnElement[int], where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(size), 0)).where(where)).scalar_one())


def _delete_jpegs(connection: Connection, events: Sequence[int]) -> int:
    of_events = delete(keyframe).where(keyframe.c.event.in_(events))
    sizes = connection.scalars(of_events.returning(func.length(keyframe.c.jpeg))).all()
    change_space(connection, NOUN, -sum(sizes))
    return len(sizes)


def _delete_events(connection: Connection, ids: Sequence[int]) -> int:
    _delete_jpegs(connection, ids)
    sizes = connection.scalars(delete(event).where(event.c.id.in_(ids)).returning(_SIZE)).all()
    change_space(connection, NOUN, -sum(sizes))
    return len(sizes)


def _select(query: EventQuery) -> Select[Any]:
    given = (
        (ge, event.c.occurred_ns, query.since_ns),
        (lt, event.c.occurred_ns, query.until_ns),
        (eq, event.c.camera, query.camera),
        (eq, event.c.edge, query.edge),
        (eq, event.c.kind, query.kind),
        (lt, event.c.id, query.before),
        (gt, event.c.id, query.after),
    )
    wanted = _QUERIED.where(event.c.severity >= query.severity)
    wanted = wanted.where(*(compare(column, value) for compare, column, value in given if value is not None))
    if query.text:
        found = (column.icontains(query.text, autoescape=True) for column in (event.c.message, event.c.kind))
        wanted = wanted.where(or_(*found))
    if query.exclude:
        wanted = wanted.where(event.c.kind.not_in(query.exclude))
    return wanted.order_by(event.c.id.desc() if query.after is None else event.c.id).limit(query.limit)


def _row(each: EventRecord, received_ns: int) -> dict[str, Any]:
    return {
        "site": each.site,
        "edge": each.edge,
        "boot_id": each.boot_id,
        "seq": each.seq,
        "camera": each.camera,
        "occurred_ns": each.occurred_ns,
        "received_ns": received_ns,
        "severity": each.severity,
        "kind": each.kind,
        "message": storable_text(each.message),
        "figures": json.dumps(dict(each.figures)),
        "marks": json.dumps([astuple(mark) for mark in each.marks]),
    }


def _stored(row_id: int, each: EventRecord, received_ns: int) -> EventRecord:
    return replace(each, id=row_id, received_ns=received_ns, has_keyframe=bool(each.keyframe), keyframe=b"")


def _record(row: Row[Any]) -> EventRecord:
    columns = dict(row._mapping)
    marks = tuple(Mark(*mark) for mark in json.loads(row.marks))
    return EventRecord(**columns | {"figures": json.loads(row.figures), "marks": marks, "has_keyframe": bool(row.has_keyframe)})
