"""What every store on SQLite shares."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from davy.errors import ArchiveUnavailableError


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
