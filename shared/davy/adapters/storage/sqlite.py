"""What every store on SQLite shares."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from davy.domain.errors import ArchiveUnavailableError


def open_database(path: Path, schema: str, *more: str) -> sqlite3.Connection:
    """The file at path, made with its folder where it is missing, in WAL mode; any thread may use it, one at a time.

    Args:
        more: pragmas beside those that every store has.

    Raises:
        ArchiveUnavailableError: it cannot be used.
    """
    with archive_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=5.0)
        for pragma in (*more, "journal_mode=WAL", "synchronous=FULL", "journal_size_limit=4000000"):
            db.execute(f"PRAGMA {pragma}")
        db.executescript(schema)
        return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Everything inside is stored, or nothing; the write lock is taken at once."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # a full disk has rolled it back already
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@contextmanager
def archive_errors(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors become ArchiveUnavailableError of the archive at path."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise ArchiveUnavailableError(str(path), str(error)) from error
