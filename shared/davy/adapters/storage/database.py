"""The database of the cloud side: SQLite in the data folder or PostgreSQL, read and written in transactions."""

import sqlite3
import threading
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import ClauseElement, Column, Connection, Engine, Table, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from davy.adapters.storage.engine import WRITES
from davy.domain.errors import ArchiveUnavailableError

SCHEMA = "schema"
FREE_SHARE = 0.25  # of a file's pages; new rows take free pages first, so a few are worth keeping
ADVISORY_LOCKS = 0x64617679  # PostgreSQL numbers its advisory locks: "davy" in ASCII, then the noun's checksum

# Such locks belong to the whole database: a schema other than the usual one has its own, so that no site waits for another.
_LOCK = text(
    "SELECT pg_advisory_xact_lock(:locks, :noun #"
    " CASE current_schema() WHEN 'public' THEN 0 ELSE hashtext(coalesce(current_schema(), '')) END)"
)


class Database:
    """One SQLite file or PostgreSQL database. Any thread may use it, and several processes at once.

    Every method raises ArchiveUnavailableError when the disk or the server fails.

    Attributes:
        name: A path, or a URL without its password.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine, self.name = engine, name
        self.embedded = engine.dialect.name == "sqlite"
        self._writing = engine.execution_options(**{WRITES: True})
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        # SQLite has one writer and polls for its lock: threads of one process queue here instead.
        self._closed = False
        event.listen(engine, "checkin", self._close_late)
        self._writer: AbstractContextManager[object] = threading.Lock() if self.embedded else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Read one consistent state."""
        with self._translated_errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def transaction(self, noun: str, idle_ms: int | None = None) -> Iterator[Connection]:
        """Store everything inside, or nothing; it is on disk when this returns.

        Args:
            noun: What is written, such as "event". One transaction of a noun runs at a time, over all processes, so ids
                become visible in their order and a check holds until the commit.
            idle_ms: PostgreSQL ends the transaction of a process that asks nothing for so long, 0 never; None: after the usual
                time of a session.
        """
        with self._translated_errors(), self._writer, self._writing.connect() as connection, connection.begin():
            if not self.embedded:
                if idle_ms is not None:
                    connection.execute(select(func.set_config("idle_in_transaction_session_timeout", str(idle_ms), True)))
                connection.execute(_LOCK, {"locks": ADVISORY_LOCKS, "noun": zlib.crc32(noun.encode()) >> 1})
            yield connection

    @contextmanager
    def unordered(self) -> Iterator[Connection]:
        """Store everything inside, or nothing, as `transaction` does, in no order with others."""
        with self._translated_errors(), self._writer, self._writing.connect() as connection, connection.begin():
            yield connection

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that knows ON CONFLICT in this database's dialect."""
        return sqlite.insert(table) if self.embedded else postgresql.insert(table)

    def compile(self, statement: ClauseElement, names: Sequence[str] = ()) -> str:
        """SQL for the driver's own cursor, `connection.connection.cursor()`, which spares SQLAlchemy's work per row.

        Parameters are dictionaries.

        Args:
            statement: What to compile.
            names: Columns that an INSERT is given.
        """
        return str(statement.compile(dialect=self.engine.dialect, column_keys=list(names) or None))

    def release_space(self) -> None:
        """Give the file system its space back where much of the file is free. PostgreSQL does so by itself."""
        if not self.embedded:
            return
        with self._translated_errors(), self._writer, self.engine.connect() as connection:
            pages, free = (
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("page_count", "freelist_count")
            )
            connection.rollback()
            if free > FREE_SHARE * pages:
                # As a script: `execute` takes one step of a statement without columns, and a step frees one page.
                driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
                driver.executescript("PRAGMA incremental_vacuum")

    def close(self) -> None:
        """Close every connection; one that a thread still uses is closed when it is returned."""
        self._closed = True
        self.engine.dispose()

    def _close_late(self, connection: Any, _record: object) -> None:  # noqa: ANN401  # of either driver; None if it broke
        if self._closed and connection is not None:
            connection.close()

    def _translated_errors(self) -> AbstractContextManager[None]:
        return translated_errors(self.name, self._driver_error)


def last_id(connection: Connection, column: Column[int]) -> int:
    """The largest id, 0 where there is none."""
    return int(connection.execute(select(func.coalesce(func.max(column), 0))).scalar_one())


@contextmanager
def translated_errors(name: str, driver_error: type[Exception] = sqlite3.Error) -> Iterator[None]:
    """Turn errors of the driver and the system into ArchiveUnavailableError of the database.

    The text is the driver's own: SQLAlchemy's would quote the values, which may hold passwords.
    """
    try:
        yield
    except DBAPIError as error:
        raise ArchiveUnavailableError(name, str(error.orig).strip()) from error
    except (SQLAlchemyError, OSError, driver_error) as error:
        raise ArchiveUnavailableError(name, str(error)) from error
