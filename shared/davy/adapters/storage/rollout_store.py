"""What the rollout controller must remember across a kill -9: rollouts and what every edge was last told. SQLite."""

import threading
from collections.abc import Mapping
from pathlib import Path

from davy.adapters.storage.sqlite import archive_errors, open_database, transaction

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rollout (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS desired (edge TEXT PRIMARY KEY, body TEXT NOT NULL);
"""


class RolloutStore:
    """One SQLite file in WAL mode; calls block and may come from any thread.

    Raises:
        ArchiveUnavailableError: the file cannot be used. Every method raises it when the disk fails.
    """

    def __init__(self, path: Path, keep: int = 100) -> None:
        self._path, self._keep = path, keep
        self._lock = threading.Lock()
        self._db = open_database(path, _SCHEMA)

    def save(self, rollout_id: str, body: str, desired: Mapping[str, str]) -> None:
        """Write a rollout and what edges are told because of it, in one transaction; on disk when this returns."""
        with archive_errors(self._path), self._lock, transaction(self._db):
            self._db.execute(
                "INSERT INTO rollout (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                (rollout_id, body),
            )
            self._db.executemany(
                "INSERT INTO desired VALUES (?, ?) ON CONFLICT (edge) DO UPDATE SET body = excluded.body", desired.items()
            )
            self._db.execute("DELETE FROM rollout WHERE seq <= (SELECT max(seq) FROM rollout) - ?", (self._keep,))

    def rollouts(self) -> list[str]:
        """The newest `keep`, the oldest of them first."""
        with archive_errors(self._path), self._lock:
            return [row[0] for row in self._db.execute("SELECT body FROM rollout ORDER BY seq")]

    def desired(self) -> dict[str, str]:
        """By edge."""
        with archive_errors(self._path), self._lock:
            return dict(self._db.execute("SELECT edge, body FROM desired").fetchall())

    def close(self) -> None:
        with self._lock:
            self._db.close()
