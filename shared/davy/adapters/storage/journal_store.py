"""The audit journal: rows are added at the end of a hash chain, and removed only after an export."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from operator import eq, ge, lt
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, delete, insert, select

from davy.access.chain import START, Checkpoint, JournalRow, link, row_fields, row_of, sign
from davy.access.journal import JournalEntry
from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import RowId, metadata, storable_text
from davy.adapters.storage.space_used import change_space, counted_space
from davy.models.signing_key import SigningKey

NOUN = "journal"
ROW_BYTES = 300  # of a row without texts: two hashes, numbers, three indexes, and unused space of pages
PAGE = 1000

journal = Table(
    "journal",
    metadata,
    Column("sequence", RowId, primary_key=True, autoincrement=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index("journal_at", "at_ns"),
    Index("journal_who", "who", "sequence"),
)
journal_checkpoint = Table(
    "journal_checkpoint",
    metadata,
    Column("sequence", RowId, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False),
    Column("removed_to", BigInteger, nullable=False),
    Column("at_ns", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("signature", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class JournalQuery:
    """Which rows, newest first.

    Attributes:
        who: Name of the principal.
        operation: Text that the operation contains.
        since_ns: Earliest time, inclusive.
        until_ns: Latest time, exclusive.
        before: Rows with a smaller sequence.
        limit: At most so many.
    """

    who: str | None = None
    operation: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    before: int | None = None
    limit: int = 100


class JournalStore:
    """Rows and checkpoints of the journal. Calls block and may come from any thread and any process.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, entries: Sequence[JournalEntry]) -> list[JournalRow]:
        """Add entries at the end; they are on disk when this returns."""
        with self._database.transaction(NOUN) as connection:
            return _append(connection, entries)

    def query(self, query: JournalQuery) -> list[JournalRow]:
        """Find rows, newest first."""
        wanted = select(journal).order_by(journal.c.sequence.desc()).limit(query.limit)
        given = (
            (eq, journal.c.who, query.who),
            (ge, journal.c.at_ns, query.since_ns),
            (lt, journal.c.at_ns, query.until_ns),
            (lt, journal.c.sequence, query.before),
        )
        wanted = wanted.where(*(compare(column, value) for compare, column, value in given if value is not None))
        if query.operation:
            wanted = wanted.where(journal.c.operation.contains(query.operation, autoescape=True))
        with self._database.read() as connection:
            return [_row(row) for row in connection.execute(wanted)]

    def rows(self, after: int = 0, until: int | None = None) -> Iterator[JournalRow]:
        """Yield the rows after a sequence up to another one, oldest first, page by page."""
        while True:
            wanted = select(journal).where(journal.c.sequence > after).order_by(journal.c.sequence).limit(PAGE)
            if until is not None:
                wanted = wanted.where(journal.c.sequence <= until)
            with self._database.read() as connection:
                page = [_row(row) for row in connection.execute(wanted)]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].sequence

    def checkpoints(self) -> list[Checkpoint]:
        """Every checkpoint, oldest first."""
        with self._database.read() as connection:
            rows = connection.execute(select(journal_checkpoint).order_by(journal_checkpoint.c.sequence))
            return [Checkpoint(**row._mapping) for row in rows]

    def sign_end(self, key: SigningKey, at_ns: int) -> Checkpoint | None:
        """Sign the newest row; None if there is none, or it is signed."""
        with self._database.transaction(NOUN) as connection:
            row, newest = _newest_row(connection), _newest_checkpoint(connection)
            if row is None or (newest is not None and newest.sequence >= row.sequence):
                return None
            return _add_checkpoint(connection, sign(key, row, newest.removed_to if newest else 0, at_ns))

    def remove_to(self, sequence: int, entry: JournalEntry, key: SigningKey) -> Checkpoint:
        """Remove the rows up to a checkpoint, and record this as a signed row of its own.

        Args:
            sequence: Of a checkpoint.
            entry: Who removes them.
            key: Signs the row.
        """
        with self._database.transaction(NOUN) as connection:
            (row,) = _append(connection, [entry])
            gone = [_row(each) for each in connection.execute(select(journal).where(journal.c.sequence <= sequence))]
            connection.execute(delete(journal).where(journal.c.sequence <= sequence))
            connection.execute(delete(journal_checkpoint).where(journal_checkpoint.c.sequence < sequence))
            change_space(connection, NOUN, -sum(map(_size, gone)))
            removed = _add_checkpoint(connection, sign(key, row, sequence, entry.at_ns))
        self._database.release_space()
        return removed

    def size_bytes(self) -> int:
        """Size of all rows in bytes."""
        with self._database.read() as connection:
            return counted_space(connection, NOUN)[0]


def _append(connection: Connection, entries: Sequence[JournalEntry]) -> list[JournalRow]:
    sequence, previous = _end(connection)
    rows: list[JournalRow] = []
    for entry in entries:
        row = link(sequence + 1, _storable(entry), previous)
        rows.append(row)
        sequence, previous = row.sequence, row.hash
    if rows:
        connection.execute(insert(journal), [row_fields(row) for row in rows])
        change_space(connection, NOUN, sum(map(_size, rows)), sequence)
    return rows


def _end(connection: Connection) -> tuple[int, str]:
    """Sequence and hash of the newest row. Where rows below a checkpoint are gone, the gap stays visible."""
    ends = [
        (each.sequence, each.hash) for each in (_newest_row(connection), _newest_checkpoint(connection)) if each is not None
    ]
    return max(ends, key=lambda end: end[0], default=(0, START))


def _newest_row(connection: Connection) -> JournalRow | None:
    row = connection.execute(select(journal).order_by(journal.c.sequence.desc()).limit(1)).first()
    return _row(row) if row else None


def _newest_checkpoint(connection: Connection) -> Checkpoint | None:
    row = connection.execute(select(journal_checkpoint).order_by(journal_checkpoint.c.sequence.desc()).limit(1)).first()
    return Checkpoint(**row._mapping) if row else None


def _add_checkpoint(connection: Connection, checkpoint: Checkpoint) -> Checkpoint:
    connection.execute(insert(journal_checkpoint), asdict(checkpoint))
    return checkpoint


def _storable(entry: JournalEntry) -> JournalEntry:
    """Without what a database stores in no text: NUL characters and half characters."""
    fields: dict[str, Any] = asdict(entry)
    texts = {name: text for name, text in fields.items() if isinstance(text, str)}
    return JournalEntry(**fields | {name: _unicode(text) for name, text in texts.items()})


def _unicode(text: str) -> str:
    return storable_text(text).encode("utf-8", "replace").decode()


def _row(row: Row[Any]) -> JournalRow:
    return row_of(dict(row._mapping))


def _size(row: JournalRow) -> int:
    return ROW_BYTES + sum(len(value.encode()) for value in asdict(row.entry).values() if isinstance(value, str))
