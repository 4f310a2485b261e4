"""Carries the rows of an SQLite database into an empty PostgreSQL database, and proves it.

Tables are copied in the order of their references, in batches of one transaction each. Killed in the middle, the next run
compares what is there with the source, and continues after it. A part that differs, because the source has changed meanwhile,
is copied anew.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    Row,
    Select,
    Table,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from davy.adapters.storage.database import Database, last_id
from davy.adapters.storage.event_partitions import EventPartitions
from davy.adapters.storage.event_tables import event, event_block
from davy.adapters.storage.import_log import imported_file
from davy.adapters.storage.numbering import keep_counting, last_given
from davy.adapters.storage.space_used import space_used
from davy.adapters.storage.tables import metadata
from davy.domain.errors import ConfigError, TransferError

NOUN = "transfer"
BATCH_ROWS = 5000
BATCH_PICTURES = 100  # some 20 MB
DIGEST_BYTES = 16
MODULUS = 1 << 8 * DIGEST_BYTES

Progress = Callable[[str, int, int], None]
"""Called with a name, what is done of it, and its total."""


@dataclass(frozen=True, slots=True)
class Digest:
    """Rows of a table: their number, and the sum of their hashes, which does not depend on their order."""

    count: int = 0
    total: int = 0

    def __str__(self) -> str:
        return f"{self.total:032x}"


@dataclass(frozen=True, slots=True)
class Carried:
    """A table, and what both databases hold of it."""

    name: str
    source: Digest
    target: Digest

    @property
    def same(self) -> bool:
        """Whether both hold the same rows."""
        return self.source == self.target


class Transfer:
    """One transfer. Calls block.

    Args:
        source: SQLite, which nobody writes.
        target: PostgreSQL.
        name: Names the source in the target, so that its unfinished transfer is known again.

    Raises:
        ArchiveUnavailableError: A database fails; every method raises it.
    """

    def __init__(self, source: Database, target: Database, name: str) -> None:
        self._source, self._target, self._name = source, target, name
        self._tables = [table for table in metadata.sorted_tables if table is not imported_file]

    def begin(self) -> bool:
        """Note in the target that the transfer begins. Return whether it was completed before.

        Raises:
            ConfigError: The target is no PostgreSQL, or holds rows of another origin.
        """
        if self._target.embedded:
            raise ConfigError(f"{self._target.name} is no PostgreSQL database: write postgresql://USER@HOST/NAME")
        known = select(imported_file.c.complete).where(imported_file.c.path == self._name)
        with self._source.read() as source, self._target.transaction(NOUN, idle_ms=0) as target:
            noted = target.execute(known).scalar_one_or_none()
            if noted is not None:
                return bool(noted)
            for table in self._tables:
                if table is not space_used and _has_rows(source, table) and _has_rows(target, table):
                    raise ConfigError(
                        f"{self._target.name} holds rows of another origin in its table {table.name}: use an empty database"
                    )
            target.execute(insert(imported_file).values(path=self._name, complete=False))
        return False

    def copy(self, progress: Progress) -> None:
        """Copy every table that the target lacks, or a part of it."""
        with self._source.read() as source:
            for table in self._tables:
                self._copy(source, table, progress)

    def verify(self, progress: Progress) -> list[Carried]:
        """Compare every row of every table.

        Raises:
            TransferError: A table differs.
        """
        found = []
        for number, table in enumerate(self._tables):
            progress("verify", number, len(self._tables))
            with self._source.read() as source, self._target.read() as target:
                found.append(Carried(table.name, _digest(source, table), _digest(target, table)))
        progress("verify", len(self._tables), len(self._tables))
        if differing := [each.name for each in found if not each.same]:
            raise TransferError("tables", differing)
        return found

    def complete(self) -> None:
        """Note in the target that the transfer is complete."""
        with self._target.transaction(NOUN) as connection:
            connection.execute(update(imported_file).where(imported_file.c.path == self._name).values(complete=True))

    def _copy(self, source: Connection, table: Table, progress: Progress) -> None:
        total = int(source.execute(select(func.count()).select_from(table)).scalar_one())
        done = self._check_copied(source, table)
        progress(table.name, done, total)
        key = _number_of(table)
        if key is not None:
            with self._target.transaction(NOUN) as connection:
                last = max(last_given(source, table), last_id(source, key))
                if table is event:
                    EventPartitions(self._target).reach(connection, last)
                if _counts(connection, table):
                    keep_counting(connection, table, last)
        following = select(table)
        if key is not None:
            with self._target.read() as connection:
                following = following.where(key > last_id(connection, key)).order_by(key)
        elif done:
            return
        for rows in _batches(source, table, following):
            with self._target.transaction(NOUN) as connection:
                _store(connection, table, rows)
            done += len(rows)
            progress(table.name, done, total)

    def _check_copied(self, source: Connection, table: Table) -> int:
        """Return how many rows were copied by an earlier run; remove them if they are not those of the source."""
        key = _number_of(table)
        with self._target.read() as target:
            present = _digest(target, table)
            if not present.count:
                return 0
            copied = [] if key is None else [key <= last_id(target, key)]
        if _digest(source, table, *copied) == present:
            return present.count
        with self._target.transaction(NOUN) as connection:
            if table is event:
                connection.execute(delete(event_block))
            connection.execute(text(f'TRUNCATE "{table.name}" CASCADE'))
        return 0


def _has_rows(connection: Connection, table: Table) -> bool:
    return connection.execute(select(table).limit(1)).first() is not None


def _number_of(table: Table) -> Column[int] | None:
    """The column of a number that grows from row to row; None for other keys."""
    keys = list(table.primary_key)
    return keys[0] if len(keys) == 1 and isinstance(keys[0].type, BigInteger) else None


def _counts(connection: Connection, table: Table) -> bool:
    sequence = text("SELECT pg_get_serial_sequence(:table, :key)")
    (key,) = table.primary_key
    return connection.execute(sequence, {"table": table.name, "key": key.name}).scalar_one() is not None


def _batches(source: Connection, table: Table, wanted: Select[Any]) -> Iterator[Sequence[Row[Any]]]:
    rows = _rows_at_once(table)
    yield from source.execute(wanted, execution_options={"yield_per": rows}).partitions(rows)


def _rows_at_once(table: Table) -> int:
    return BATCH_PICTURES if any(isinstance(column.type, LargeBinary) for column in table.columns) else BATCH_ROWS


def _store(connection: Connection, table: Table, rows: Sequence[Row[Any]]) -> None:
    columns = ", ".join(f'"{column.name}"' for column in table.columns)
    cursor: Any = connection.connection.cursor()  # psycopg's
    with cursor, cursor.copy(f'COPY "{table.name}" ({columns}) FROM STDIN') as copy:
        for row in rows:
            copy.write_row(row)


def _digest(connection: Connection, table: Table, *where: ColumnElement[bool]) -> Digest:
    count = total = 0
    found = connection.execute(select(table).where(*where), execution_options={"yield_per": _rows_at_once(table)})
    for row in found:
        values = repr([bytes(value) if isinstance(value, memoryview) else value for value in row])
        count += 1
        total += int.from_bytes(hashlib.blake2b(values.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).digest())
    return Digest(count, total % MODULUS)
