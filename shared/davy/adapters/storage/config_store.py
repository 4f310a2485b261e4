"""Every configuration that an edge was ever told, newest last; the newest is what it shall be. SQLite."""

import threading
from collections.abc import Mapping
from pathlib import Path

from davy.adapters.storage.sqlite import archive_errors, open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS config (edge TEXT NOT NULL, epoch INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (edge, epoch));
"""


class ConfigStore:
    """One SQLite file in WAL mode; calls block and may come from any thread.

    Args:
        keep: Of each edge, so many stay.

    Raises:
        ArchiveUnavailableError: the file cannot be used. Every method raises it when the disk fails.
    """

    def __init__(self, path: Path, keep: int = 200) -> None:
        self._path, self._keep = path, keep
        self._lock = threading.Lock()
        with archive_errors(self._path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)  # the sources of cameras may hold passwords
        self._db = open_database(path, _SCHEMA)

    def add(self, edge: str, bodies: Mapping[int, str]) -> None:
        """Write what an edge shall be, by epoch, in one transaction; on disk when this returns."""
        with archive_errors(self._path), self._lock, transaction(self._db):
            self._db.executemany("INSERT INTO config VALUES (?, ?, ?)", [(edge, *each) for each in bodies.items()])
            self._db.execute(
                "DELETE FROM config WHERE edge = ? AND epoch NOT IN"
                " (SELECT epoch FROM config WHERE edge = ? ORDER BY epoch DESC LIMIT ?)",
                (edge, edge, self._keep),
            )

    def all(self) -> list[str]:
        """By edge, the oldest first."""
        with archive_errors(self._path), self._lock:
            return [row[0] for row in self._db.execute("SELECT body FROM config ORDER BY edge, epoch")]

    def close(self) -> None:
        with self._lock:
            self._db.close()
