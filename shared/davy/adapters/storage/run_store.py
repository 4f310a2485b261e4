"""What the training service must remember across a kill -9: its runs, and what happened in them. SQLite."""

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from davy.adapters.storage.sqlite import archive_errors, open_database, transaction
from davy.domain.errors import ConflictError, UnknownRunError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS run (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS event
    (id INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS event_run ON event (run, id);
"""


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Something that happened in a run; ids grow and are never used again."""

    id: int
    kind: str
    body: str


Change = Callable[[str], tuple[str, Sequence[tuple[str, str]]]]
"""A run's body to its new body, and the (kind, body) of events that tell of it."""


class RunStore:
    """One SQLite file in WAL mode, shared by all services on its folder; calls block and may come from any thread.

    Args:
        keep_events: of one run, the newest.

    Raises:
        ArchiveUnavailableError: the file cannot be used. Every method raises it when the disk fails.
    """

    def __init__(self, path: Path, keep_events: int = 20_000) -> None:
        self._path, self._keep_events = path, keep_events
        self._lock = threading.Lock()
        self._db = open_database(path, _SCHEMA)

    def add(self, run: str, body: str, allow: Callable[[list[str]], None]) -> None:
        """Keep a new run; allow is given all bodies and refuses it by raising, in the same transaction.

        Raises:
            ConflictError: there is such a run already.
        """
        with archive_errors(self._path), self._lock, transaction(self._db):
            allow([row[0] for row in self._db.execute("SELECT body FROM run ORDER BY seq")])
            try:
                self._db.execute("INSERT INTO run (id, body) VALUES (?, ?)", (run, body))
            except sqlite3.IntegrityError as error:
                raise ConflictError(f"there is a training run {run} already") from error

    def change(self, run: str, change: Change) -> str:
        """Change a run and tell of it, in one transaction; on disk when this returns. Returns the new body.

        Raises:
            UnknownRunError: there is none.
        """
        with archive_errors(self._path), self._lock, transaction(self._db):
            body, events = change(self._body(run))
            self._db.execute("UPDATE run SET body = ? WHERE id = ?", (body, run))
            self._db.executemany("INSERT INTO event (run, kind, body) VALUES (?, ?, ?)", [(run, *event) for event in events])
            if events:
                self._db.execute(
                    "DELETE FROM event WHERE run = ? AND id <= "
                    "(SELECT id FROM event WHERE run = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                    (run, run, self._keep_events),
                )
            return body

    def get(self, run: str) -> str:
        """A run's body.

        Raises:
            UnknownRunError: there is none.
        """
        with archive_errors(self._path), self._lock:
            return self._body(run)

    def runs(self) -> list[str]:
        """All bodies, the oldest first."""
        with archive_errors(self._path), self._lock:
            return [row[0] for row in self._db.execute("SELECT body FROM run ORDER BY seq")]

    def events(self, run: str, after: int = 0, limit: int = 500) -> list[RunEvent]:
        """A run's events with larger ids than after, the oldest first."""
        with archive_errors(self._path), self._lock:
            found = self._db.execute(
                "SELECT id, kind, body FROM event WHERE run = ? AND id > ? ORDER BY id LIMIT ?", (run, after, limit)
            )
            return [RunEvent(*row) for row in found]

    def forget(self, run: str) -> None:
        """Remove a run and its events."""
        with archive_errors(self._path), self._lock, transaction(self._db):
            self._db.execute("DELETE FROM event WHERE run = ?", (run,))
            self._db.execute("DELETE FROM run WHERE id = ?", (run,))

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _body(self, run: str) -> str:
        row = self._db.execute("SELECT body FROM run WHERE id = ?", (run,)).fetchone()
        if row is None:
            raise UnknownRunError(run)
        return str(row[0])
