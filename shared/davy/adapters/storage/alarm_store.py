"""Alarms, their history, the notices of escalation and the rules. A state and what led to it are one transaction."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from operator import eq, ge, gt, lt
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    Row,
    Select,
    Table,
    Text,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from davy.adapters.storage.database import Database
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.event_tables import NOUN
from davy.adapters.storage.schema import RowId, metadata, storable_text
from davy.adapters.storage.set_aside import move_rows
from davy.domain.alarm_record import AlarmChange, AlarmQuery, AlarmUpdate, Notice, RulesChange
from davy.domain.alarms import Alarm, AlarmState
from davy.domain.errors import InvalidInputError, StandbyError
from davy.domain.event import EventRecord

EVENTS = "events"  # the position in the archive
PRUNE_ROWS = 1024  # deleted per transaction, which blocks others

alarm = Table(
    "alarm",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("body", Text, nullable=False),
)
alarm_change = Table(
    "alarm_change",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("alarm", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("occurrence", BigInteger, nullable=False),
    Column("severity", Integer, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("transition", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("event", BigInteger, nullable=False),
    Index("alarm_change_alarm", "alarm", "seq"),
    Index("alarm_change_at", "at_ns"),
    sqlite_autoincrement=True,
)
alarm_notice = Table(
    "alarm_notice",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("target", Text, nullable=False),
    Column("alarm", Text, nullable=False),
    Column("occurrence", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("made_ns", BigInteger, nullable=False),
    Column("due_ns", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("sent_ns", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Index("alarm_notice_due", "sent_ns", "due_ns"),
    sqlite_autoincrement=True,
)
alarm_rules = Table(
    "alarm_rules",
    metadata,
    Column("seq", RowId, primary_key=True, autoincrement=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,
)
alarm_position = Table(
    "alarm_position",
    metadata,
    Column("name", Text, primary_key=True),
    Column("event", BigInteger, nullable=False),
)

_body: TypeAdapter[Alarm] = TypeAdapter(Alarm)


class AlarmStore:
    """Alarms of one site. Calls block and may come from any thread.

    Args:
        database: Where the rows are.
        events: The archive in the same database: an alarm and its event are stored together.
        max_rows: Of the history, and of delivered notices.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, events: EventStore, max_rows: int = 500_000) -> None:
        self._database, self._events, self._max_rows = database, events, max_rows
        replace_alarm, place = database.insert(alarm), database.insert(alarm_position)
        self._replace = replace_alarm.on_conflict_do_update(
            index_elements=[alarm.c.id], set_={"state": replace_alarm.excluded.state, "body": replace_alarm.excluded.body}
        )
        self._place = place.on_conflict_do_update(index_elements=[alarm_position.c.name], set_={"event": place.excluded.event})

    def save(self, updates: Sequence[AlarmUpdate], position: int | None = None) -> tuple[list[Alarm], list[EventRecord]]:
        """Store states, their history, events and notices, and the position in the archive, in one transaction.

        Args:
            updates: The states; of one alarm at most one.
            position: Id of the newest event that these states include; None leaves it.

        Returns:
            The alarms with the ids of their events, and the events that were stored.
        """
        with self._database.transaction(NOUN) as connection:
            stored = self._events.add_within(connection, [each.event for each in updates if each.event]) if updates else []
            ids = {(each.boot_id, each.seq): each.id for each in stored}
            named = [_with_event(each, ids) for each in updates]
            if named:
                connection.execute(self._replace, [_alarm_row(each.alarm) for each in named])
            if changes := [row for each in named for row in _change_rows(each)]:
                connection.execute(insert(alarm_change), changes)
            if notices := [_notice_row(notice) for each in named for notice in each.notices]:
                connection.execute(insert(alarm_notice), notices)
            if position is not None:
                connection.execute(self._place, {"name": EVENTS, "event": position})
        return [each.alarm for each in named], stored

    def load(self) -> list[Alarm]:
        """Read every alarm. A row that cannot be read is set aside, by the leader."""
        with self._database.read() as connection:
            bodies = connection.execute(select(alarm.c.body)).scalars().all()
        found, unreadable = [], []
        for body in bodies:
            try:
                found.append(_body.validate_json(body))
            except (ValidationError, InvalidInputError) as error:
                unreadable.append((body, str(error)))
        if unreadable:
            with suppress(StandbyError), self._database.transaction(NOUN) as connection:
                move_rows(connection, alarm, unreadable)
        return found

    def position(self) -> int | None:
        """Id of the newest event that the alarms include; None before the first one."""
        with self._database.read() as connection:
            where = alarm_position.c.name == EVENTS
            return connection.execute(select(alarm_position.c.event).where(where)).scalar_one_or_none()

    def begin(self, position: int) -> None:
        """Note where the alarms begin in the archive, unless that is noted; any replica does so."""
        first = self._database.insert(alarm_position).values(name=EVENTS, event=position)
        with self._database.unordered() as connection:
            connection.execute(first.on_conflict_do_nothing())

    def history(self, query: AlarmQuery) -> list[AlarmChange]:
        """Find rows of the history, newest first, or oldest first if `query.after` is given."""
        with self._database.read() as connection:
            return [AlarmChange(**row._mapping) for row in connection.execute(_select(query))]

    def last_change(self) -> int:
        """Number of the newest row of the history; 0 without any."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(alarm_change.c.seq), 0))).scalar_one())

    def forget(self, alarms: Sequence[str]) -> None:
        """Delete alarms that are normal; their history stays."""
        normal = alarm.c.state == AlarmState.NORMAL
        with self._database.transaction(NOUN) as connection:
            connection.execute(delete(alarm).where(alarm.c.id.in_(alarms), normal))

    def prune(self) -> int:
        """Delete the oldest rows of the history and of delivered notices above max_rows; return their number."""
        gone = 0
        for table, over in ((alarm_change, alarm_change.c.seq > 0), (alarm_notice, alarm_notice.c.sent_ns > 0)):
            newest = select(func.coalesce(func.max(table.c.seq), 0)).scalar_subquery()
            old = select(table.c.seq).where(table.c.seq <= newest - self._max_rows, over).limit(PRUNE_ROWS)
            with self._database.transaction(NOUN) as connection:
                rows = connection.scalars(old).all()
                connection.execute(delete(table).where(table.c.seq.in_(rows)))
            gone += len(rows)
        return gone

    def owed(self, now_ns: int, limit: int = 1000) -> list[Notice]:
        """Undelivered notices that are due, oldest first."""
        where = (alarm_notice.c.sent_ns == 0, alarm_notice.c.due_ns <= now_ns)
        with self._database.read() as connection:
            rows = connection.execute(select(alarm_notice).where(*where).order_by(alarm_notice.c.seq).limit(limit))
            return [_notice(row) for row in rows]

    def notices(self, limit: int = 100) -> list[Notice]:
        """The newest notices, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(alarm_notice).order_by(alarm_notice.c.seq.desc()).limit(limit))
            return [_notice(row) for row in rows]

    def claim(self, notices: Sequence[int], until_ns: int) -> None:
        """Note that notices are being sent: nobody else sends them before until_ns."""
        with self._database.transaction(NOUN) as connection:
            connection.execute(update(alarm_notice).where(alarm_notice.c.seq.in_(notices)).values(due_ns=until_ns))

    def delivered(self, notices: Sequence[int], now_ns: int, error: str = "") -> None:
        """Note that notices are owed no more: delivered, or given up with an error."""
        with self._database.transaction(NOUN) as connection:
            done = update(alarm_notice).where(alarm_notice.c.seq.in_(notices))
            connection.execute(done.values(sent_ns=now_ns, error=storable_text(error)))

    def failed(self, notices: Sequence[int], error: str, due_ns: int) -> None:
        """Note an attempt that failed, and when the next one is due."""
        values = {"attempts": alarm_notice.c.attempts + 1, "error": storable_text(error), "due_ns": due_ns}
        with self._database.transaction(NOUN) as connection:
            connection.execute(update(alarm_notice).where(alarm_notice.c.seq.in_(notices)).values(**values))

    def rules(self, limit: int = 1) -> list[RulesChange]:
        """The newest changes of the rules, newest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(alarm_rules).order_by(alarm_rules.c.seq.desc()).limit(limit))
            return [RulesChange(**dict(row._mapping) | {"body": json.loads(row.body)}) for row in rows]

    def add_rules(self, change: RulesChange) -> RulesChange:
        """Store a change of the rules; on disk when this returns."""
        row = asdict(change) | {"body": json.dumps(change.body), "why": storable_text(change.why)}
        row.pop("seq")
        with self._database.transaction(NOUN) as connection:
            seq = connection.execute(insert(alarm_rules).values(**row).returning(alarm_rules.c.seq)).scalar_one()
        return replace(change, seq=seq)


def _with_event(each: AlarmUpdate, ids: Mapping[tuple[str, int], int]) -> AlarmUpdate:
    if each.event is None or not each.event.keyframe:
        return each
    return replace(each, alarm=replace(each.alarm, event=ids.get((each.event.boot_id, each.event.seq), 0)))


def _alarm_row(found: Alarm) -> dict[str, object]:
    body = storable_text(_body.dump_json(found).decode().replace("\\u0000", "\\ufffd"))
    return {"id": found.point.id, "state": found.state.value, "body": body}


def _change_rows(each: AlarmUpdate) -> list[dict[str, object]]:
    found = each.alarm
    common = {
        "alarm": found.point.id,
        "kind": found.point.kind,
        "source": found.point.source,
        "occurrence": found.occurrence,
        "severity": int(found.severity),
        "state": found.state.value,
        "message": storable_text(found.message),
        "event": found.event,
    }
    return [
        common
        | {
            "at_ns": change.at_ns,
            "transition": change.transition.value,
            "who": storable_text(change.who),
            "words": storable_text(change.words),
        }
        for change in each.changes
    ]


def _notice_row(notice: Notice) -> dict[str, object]:
    row = asdict(notice) | {"body": json.dumps(notice.body)}
    row.pop("seq")
    return row


def _notice(row: Row[Any]) -> Notice:
    return Notice(**dict(row._mapping) | {"body": json.loads(row.body)})


def _select(query: AlarmQuery) -> Select[tuple[object, ...]]:
    columns = alarm_change.c
    given = (
        (eq, columns.alarm, query.alarm),
        (eq, columns.kind, query.kind),
        (eq, columns.source, query.source),
        (eq, columns.transition, query.transition),
        (ge, columns.at_ns, query.since_ns),
        (lt, columns.at_ns, query.until_ns),
        (lt, columns.seq, query.before),
        (gt, columns.seq, query.after),
    )
    wanted = select(alarm_change).where(columns.severity >= query.severity)
    wanted = wanted.where(*(compare(column, value) for compare, column, value in given if value is not None))
    if query.text:
        found = (each.icontains(query.text, autoescape=True) for each in (columns.message, columns.words, columns.who))
        wanted = wanted.where(or_(*found))
    return wanted.order_by(columns.seq.desc() if query.after is None else columns.seq).limit(query.limit)
