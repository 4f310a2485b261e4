"""Partitions of the events in PostgreSQL: each holds the ids that were given in one period of arrival.

An id names its partition: `event_p3` and `keyframe_p3` hold 3,000,000,000 to 3,999,999,999. A period ends when the sequence
skips to the next partition, which exists by then. So ids stay unique and in order, a page of the newest events reads the
newest partition alone, and clocks that are wrong move no event to another partition.
"""

import time
from datetime import UTC, datetime

from sqlalchemy import Column, ColumnElement, Connection, delete, func, select, text

from davy.adapters.storage.database import Database
from davy.adapters.storage.event_space import count_space
from davy.adapters.storage.event_tables import BLOCK, NOUN, SIZE, event, event_block, keyframe
from davy.adapters.storage.space_used import change_space
from davy.domain.errors import ArchiveUnavailableError
from davy.telemetry import get_logger

log = get_logger(__name__)

STEP = 1_000_000_000  # ids of a partition: half of them are given at 4,000 events/s in 35 hours
PERIODS = 12  # of the maximum age: events are deleted at most a twelfth late, and queries look at some 13 partitions
LONGEST_S = 30 * 86_400.0
LOCK_NOT_AVAILABLE = "55P03"
LOCK_WAIT_S = 1  # to drop a partition waits for its readers, and others wait behind it

_LAST = text("SELECT last_value FROM event_id_seq")
_SKIP = text("SELECT setval('event_id_seq', :last)")
_NUMBERS = text(
    "SELECT substring(c.relname FROM 8)::int FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
    " WHERE inhparent = to_regclass('event') ORDER BY 1"
)


class EventPartitions:
    """The partitions of one database. Calls block.

    Raises:
        ArchiveUnavailableError: The server fails; every method raises it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def advance(self, max_age_s: float, now_ns: int | None = None) -> None:
        """Begin a new partition where the period of the present one is over, or half of its ids are given.

        Args:
            max_age_s: Maximum age of events; 0: none.
            now_ns: Unix time in ns; now if absent.
        """
        period_s = min(max_age_s / PERIODS, LONGEST_S) if max_age_s else LONGEST_S
        with self._database.transaction(NOUN) as connection:
            _create(connection, _current(connection) + 1)  # committed before an id needs it
        with self._database.transaction(NOUN) as connection:
            number = _current(connection)
            if _is_over(connection, number, (now_ns or time.time_ns()) - int(period_s * 1e9)):
                connection.execute(_SKIP, {"last": (number + 1) * STEP - 1})
                connection.execute(text(f"COMMENT ON TABLE event_p{number + 1} IS 'events from {datetime.now(UTC):%FT%TZ} on'"))
                log.info("archive.partition", table=f"event_p{number + 1}")

    def reach(self, connection: Connection, last: int) -> None:
        """Create the partitions of the ids up to one that another database has given."""
        for number in range(last // STEP + 1):
            _create(connection, number)

    def drop_before(self, oldest_ns: int) -> int:
        """Drop the partitions whose events all came before a time; return their number of events."""
        gone = 0
        with self._database.read() as connection:
            closed = [number for number in connection.scalars(_NUMBERS) if number < _current(connection)]
            old = [number for number in closed if _newest_ns(connection, number) < oldest_ns]
        for number in old:
            try:
                with self._database.transaction(NOUN) as connection:
                    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT_S}s'"))
                    if number in connection.scalars(_NUMBERS).all():  # another process may have dropped it meanwhile
                        gone += _drop(connection, number)
            except ArchiveUnavailableError as error:
                if getattr(getattr(error.__cause__, "orig", None), "sqlstate", "") != LOCK_NOT_AVAILABLE:
                    raise
                log.info("archive.partition_busy", table=f"event_p{number}")  # the next call tries again
                break
        return gone


def _current(connection: Connection) -> int:
    """Number of the partition of the next event."""
    return _next_id(connection) // STEP


def _next_id(connection: Connection) -> int:
    return int(connection.execute(_LAST).scalar_one()) + 1


def _create(connection: Connection, number: int) -> None:
    if number in connection.scalars(_NUMBERS).all():
        return
    bounds = f"FOR VALUES FROM ({number * STEP}) TO ({(number + 1) * STEP})"
    names = ", ".join(column.name for column in (event.c.site, event.c.edge, event.c.boot_id, event.c.seq))
    for statement in (
        # attached instead of created as a partition: this lock lets others read and write
        f"CREATE TABLE event_p{number} (LIKE event INCLUDING DEFAULTS, PRIMARY KEY (id),"
        f" CONSTRAINT event_p{number}_name UNIQUE ({names}))",
        f"ALTER TABLE event ATTACH PARTITION event_p{number} {bounds}",
        f"CREATE TABLE keyframe_p{number} (LIKE keyframe, PRIMARY KEY (event),"
        f" FOREIGN KEY (event) REFERENCES event_p{number} (id) ON DELETE CASCADE)",
        f"ALTER TABLE keyframe ATTACH PARTITION keyframe_p{number} {bounds}",
    ):
        connection.execute(text(statement))


def _inside(number: int, column: Column[int] = event.c.id) -> tuple[ColumnElement[bool], ...]:
    return column >= number * STEP, column < (number + 1) * STEP


def _is_over(connection: Connection, number: int, begun_before_ns: int) -> bool:
    if _next_id(connection) % STEP > STEP // 2:
        return True
    first = select(event.c.received_ns).where(*_inside(number)).order_by(event.c.id).limit(1)
    begun_ns = connection.execute(first).scalar_one_or_none()
    return begun_ns is not None and begun_ns <= begun_before_ns


def _newest_ns(connection: Connection, number: int) -> int:
    """When the newest event of a partition came; 0 without any."""
    newest = select(event.c.received_ns).where(*_inside(number)).order_by(event.c.id.desc()).limit(1)
    return int(connection.execute(newest).scalar_one_or_none() or 0)


def _drop(connection: Connection, number: int) -> int:
    count_space(connection)
    columns = (func.count(), func.coalesce(func.sum(SIZE), 0))
    count, size = connection.execute(select(*columns).where(*_inside(number))).one()
    of_keyframes = select(func.coalesce(func.sum(func.length(keyframe.c.jpeg)), 0))
    size += connection.execute(of_keyframes.where(*_inside(number, keyframe.c.event))).scalar_one()
    change_space(connection, NOUN, -int(size))
    connection.execute(text(f"DROP TABLE keyframe_p{number}, event_p{number}"))
    connection.execute(delete(event_block).where(event_block.c.block < (number + 1) * STEP // BLOCK))
    log.info("archive.partition_dropped", table=f"event_p{number}", events=int(count))
    return int(count)
