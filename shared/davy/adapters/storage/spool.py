"""Spool of events on an edge's disk until the archive acknowledges them: SQLite in WAL mode, durable, bounded in bytes.

A row is (boot, seq). Keyframes use at most nine tenths of the quota; a new keyframe replaces the oldest ones. When events
fill the quota, the spool refuses new ones and counts each loss.
"""

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from davy.domain.errors import ConfigError, SpoolUnavailableError
from davy.telemetry import get_logger
from davy.v1 import ingest_pb2

log = get_logger(__name__)

PAGE_BYTES = 4096
EVENT_RESERVE = 0.1  # fraction of the quota without keyframes
WAL_PAGES = 64  # pages of the write-ahead log per checkpoint, so that it stays below 1 MB
WAL_BYTES = 1_000_000
MARGIN_BYTES = 8 * PAGE_BYTES  # inner pages that a row may need in addition to its own

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, boot_id TEXT NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (boot_id, seq)
);
CREATE TABLE IF NOT EXISTS keyframe (event INTEGER PRIMARY KEY REFERENCES event (id) ON DELETE CASCADE, jpeg BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Spooled:
    """An unacknowledged event; ids grow in order of occurrence."""

    id: int
    event: ingest_pb2.Event


class Spool:
    """The spool of one edge; one process at a time, any thread of it. Every method may wait for the disk.

    Attributes:
        events_dropped: Events that were not stored: the quota or the disk is full.
        set_aside: What became of a damaged file at the start; empty if it was sound.
        keyframes_dropped: Keyframes that were left out or gave way.
        error: Reason why the last `add` failed, empty after a success.

    Raises:
        ConfigError: another process uses it, or its folder cannot be made.
    """

    def __init__(self, path: Path, boot_id: str, max_bytes: int) -> None:
        self._path, self._boot_id, self._max_bytes = path, boot_id, max_bytes
        self._lock = threading.Lock()
        self._next_seq = 1
        self.events_dropped = self.keyframes_dropped = 0
        self.set_aside = ""
        self.error = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise ConfigError(f"the spool {path} cannot be opened: {error}; does another edge use it?") from error
            broken = path.with_name(f"{path.name}.broken-{int(time.time())}")
            path.rename(broken)
            log.error("spool.broken", path=str(path), kept_as=str(broken), error=str(error))
            self.set_aside = f"{path.name} was damaged ({error}) and is kept as {broken.name}; its events are lost"
            self._db = self._open()
        except OSError as error:
            raise ConfigError(f"the spool {path} cannot be made: {error.strerror}") from error

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=1.0, isolation_level=None, check_same_thread=False)
        try:
            for pragma in (
                "locking_mode=EXCLUSIVE",  # two edges on one spool would send each other's events
                f"page_size={PAGE_BYTES}",
                "journal_mode=WAL",
                "synchronous=FULL",  # an event is on the medium, not in the disk's cache, before `add` returns
                "foreign_keys=ON",
                f"wal_autocheckpoint={WAL_PAGES}",
                f"journal_size_limit={WAL_BYTES}",
                f"max_page_count={max(16, self._max_bytes // PAGE_BYTES)}",
            ):
                db.execute(f"PRAGMA {pragma}").fetchall()
            db.executescript(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def add(self, event: ingest_pb2.Event) -> ingest_pb2.Event:
        """Store an event with its boot id and seq; it is durable on return.

        Raises:
            SpoolUnavailableError: the quota or the disk is full; the event is counted as dropped.
        """
        stored = ingest_pb2.Event()
        stored.CopyFrom(event)
        with self._lock:
            stored.boot_id, stored.seq, stored.keyframe_jpeg = self._boot_id, self._next_seq, b""
            try:
                with self._transaction():
                    row = self._insert(stored.SerializeToString())
                    if event.keyframe_jpeg:
                        self._insert_keyframe(row, event.keyframe_jpeg)
            except sqlite3.Error as error:
                self.events_dropped += 1
                self.error = str(error)
                raise SpoolUnavailableError(str(self._path), str(error)) from error
            self._next_seq += 1
            self.error = ""
        stored.keyframe_jpeg = event.keyframe_jpeg
        return stored

    def _insert(self, body: bytes) -> int:
        # Space is freed first: SQLite rolls the transaction back when the database is full.
        while self._used() + len(body) + MARGIN_BYTES > self._max_bytes and self._evict_keyframe():
            pass
        statement = "INSERT INTO event (boot_id, seq, body) VALUES (?, ?, ?)"
        return self._db.execute(statement, (self._boot_id, self._next_seq, body)).lastrowid or 0

    def _insert_keyframe(self, row: int, jpeg: bytes) -> None:
        limit = int(self._max_bytes * (1 - EVENT_RESERVE))
        while self._used() + len(jpeg) + PAGE_BYTES > limit:
            if not self._evict_keyframe():
                self.keyframes_dropped += 1
                return
        self._db.execute("INSERT INTO keyframe VALUES (?, ?)", (row, jpeg))

    def _evict_keyframe(self) -> bool:
        gone = self._db.execute("DELETE FROM keyframe WHERE event = (SELECT min(event) FROM keyframe)").rowcount > 0
        self.keyframes_dropped += gone
        return gone

    def pending(self, after: int = 0, limit: int = 64) -> Sequence[Spooled]:
        """Read the oldest unacknowledged events of all boots in order, from id `after` on.

        Raises:
            SpoolUnavailableError: the disk cannot be read.
        """
        query = (
            "SELECT id, body, jpeg FROM event LEFT JOIN keyframe ON keyframe.event = event.id WHERE id > ? ORDER BY id LIMIT ?"
        )
        with self._lock, self._translated():
            rows = self._db.execute(query, (after, limit)).fetchall()
        found = []
        for row_id, body, jpeg in rows:
            event = ingest_pb2.Event.FromString(body)
            event.keyframe_jpeg = jpeg or b""
            found.append(Spooled(row_id, event))
        return found

    def acknowledge(self, boot_id: str, seq: int) -> int:
        """Delete the events of a boot up to and including seq; return their number.

        Raises:
            SpoolUnavailableError: the disk takes nothing; the events will be sent again, which does no harm.
        """
        with self._lock, self._translated():
            return self._db.execute("DELETE FROM event WHERE boot_id = ? AND seq <= ?", (boot_id, seq)).rowcount

    @property
    def waiting(self) -> int:
        """Number of unacknowledged events."""
        with self._lock, self._translated():
            return int(self._db.execute("SELECT count(*) FROM event").fetchone()[0])

    @property
    def used_bytes(self) -> int:
        with self._lock, self._translated():
            return self._used()

    def _used(self) -> int:
        pages, free = (int(self._db.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count"))
        return (pages - free) * PAGE_BYTES

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except sqlite3.Error:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise SpoolUnavailableError(str(self._path), str(error)) from error
