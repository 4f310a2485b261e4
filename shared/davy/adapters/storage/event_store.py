"""The archive of events: SQLite, on disk before it is acknowledged, each event stored once, size and age bounded."""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from davy.adapters.storage.sqlite import archive_errors, open_database, transaction

PAGE_BYTES = 4096
PRUNE_ROWS = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site TEXT NOT NULL, edge TEXT NOT NULL, boot_id TEXT NOT NULL, seq INTEGER NOT NULL,
    camera TEXT NOT NULL, occurred_ns INTEGER NOT NULL, received_ns INTEGER NOT NULL,
    severity INTEGER NOT NULL, kind TEXT NOT NULL, message TEXT NOT NULL, figures TEXT NOT NULL,
    UNIQUE (site, edge, boot_id, seq)
);
CREATE INDEX IF NOT EXISTS event_occurred ON event (occurred_ns);
CREATE INDEX IF NOT EXISTS event_received ON event (received_ns);
CREATE INDEX IF NOT EXISTS event_camera ON event (camera, id);
CREATE TABLE IF NOT EXISTS keyframe (
    event INTEGER PRIMARY KEY REFERENCES event (id) ON DELETE CASCADE, jpeg BLOB NOT NULL
);
"""
_COLUMNS = "site, edge, boot_id, seq, camera, occurred_ns, received_ns, severity, kind, message, figures"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """Something worth keeping. (site, edge, boot_id, seq) names it for ever.

    Args:
        camera: "edge.camera", or empty where the event is about the edge itself.
        occurred_ns: Unix time in ns, on the reporter's clock.
        severity: 1 info, 2 warning, 3 alarm, as in ingest.proto.
        keyframe: A JPEG, or empty. Empty in what a query returns: ask `EventStore.keyframe`.
        id: Its place in the archive, 0 before it is stored; also the cursor of a query.
    """

    site: str
    edge: str
    boot_id: str
    seq: int
    camera: str
    occurred_ns: int
    severity: int
    kind: str
    message: str
    figures: Mapping[str, float] = field(default_factory=dict)
    keyframe: bytes = field(default=b"", repr=False)
    received_ns: int = 0
    id: int = 0
    has_keyframe: bool = False


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events: since (inclusive) and until (exclusive) by time of occurrence; severity and above.

    before and after are ids: newest first below `before`, or, where `after` is given, oldest first above it.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    camera: str | None = None
    edge: str | None = None
    kind: str | None = None
    severity: int = 0
    before: int | None = None
    after: int | None = None
    limit: int = 100


class EventStore:
    """One SQLite file in WAL mode. Calls block and may come from any thread, one at a time.

    Args:
        path: Its folder is made where it is missing.
        max_bytes: Of the database file. Over it the oldest keyframes go first, then the oldest events.
        max_age_s: Events that came longer ago go (an edge's clock may be wrong); 0 keeps them until bytes are short.

    Raises:
        ArchiveUnavailableError: the file cannot be opened, or is no archive. Every method raises it when the disk fails.
    """

    def __init__(self, path: Path, max_bytes: int = 2_000_000_000, max_age_s: float = 0.0) -> None:
        self.path, self.max_bytes, self.max_age_s = path, max_bytes, max_age_s
        self._lock = threading.Lock()
        self._db = open_database(path, _SCHEMA, "auto_vacuum=INCREMENTAL", "foreign_keys=ON")

    def add(self, events: Sequence[EventRecord]) -> list[EventRecord]:
        """Store a batch in one transaction; on return it is on disk.

        Returns:
            The events that are new, with their ids. One that was stored before is left as it is.
        """
        new = []
        received_ns = time.time_ns()
        with archive_errors(self.path), self._lock, transaction(self._db):
            for event in events:
                row_id = self._insert(event, received_ns)
                if row_id is not None:
                    new.append(
                        replace(event, id=row_id, received_ns=received_ns, keyframe=b"", has_keyframe=bool(event.keyframe))
                    )
        return new

    def query(self, query: EventQuery) -> list[EventRecord]:
        """Newest first, or oldest first where `query.after` is given; at most query.limit."""
        conditions: list[tuple[str, object]] = [("severity >= ?", query.severity)]
        given = {
            "occurred_ns >= ?": query.since_ns,
            "occurred_ns < ?": query.until_ns,
            "camera = ?": query.camera,
            "edge = ?": query.edge,
            "kind = ?": query.kind,
            "id < ?": query.before,
            "id > ?": query.after,
        }
        conditions += [(clause, value) for clause, value in given.items() if value is not None]
        sql = (
            f"SELECT id, EXISTS (SELECT 1 FROM keyframe WHERE event = id), {_COLUMNS} FROM event"
            f" WHERE {' AND '.join(clause for clause, _ in conditions)}"
            f" ORDER BY id {'DESC' if query.after is None else 'ASC'} LIMIT ?"
        )
        with archive_errors(self.path), self._lock:
            rows = self._db.execute(sql, [*(value for _, value in conditions), query.limit]).fetchall()
        return [_record(row) for row in rows]

    def keyframe(self, event_id: int) -> bytes | None:
        """The JPEG of an event, or None: it has none, or its space was needed."""
        with archive_errors(self.path), self._lock:
            row = self._db.execute("SELECT jpeg FROM keyframe WHERE event = ?", (event_id,)).fetchone()
        return row[0] if row else None

    def last_id(self) -> int:
        """The id of the newest event, 0 where there is none."""
        with archive_errors(self.path), self._lock:
            return int(self._db.execute("SELECT coalesce(max(id), 0) FROM event").fetchone()[0])

    def prune(self, now_ns: int | None = None) -> int:
        """Hold max_age_s and max_bytes. Returns how many events went (keyframes that went alone are not counted)."""
        gone = 0
        with archive_errors(self.path), self._lock:
            if self.max_age_s:
                oldest_ns = (now_ns or time.time_ns()) - int(self.max_age_s * 1e9)
                gone += self._db.execute("DELETE FROM event WHERE received_ns < ?", (oldest_ns,)).rowcount
            while self._used_bytes() > self.max_bytes:
                if self._delete_oldest("keyframe", "event"):
                    continue
                deleted = self._delete_oldest("event", "id")
                gone += deleted
                if not deleted:  # the empty tables alone are over max_bytes
                    break
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
        return gone

    def size_bytes(self) -> int:
        """What the archive holds, without free pages."""
        with archive_errors(self.path), self._lock:
            return self._used_bytes()

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _insert(self, event: EventRecord, received_ns: int) -> int | None:
        cursor = self._db.execute(
            f"INSERT INTO event ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (site, edge, boot_id, seq) DO NOTHING",
            (
                event.site,
                event.edge,
                event.boot_id,
                event.seq,
                event.camera,
                event.occurred_ns,
                received_ns,
                event.severity,
                event.kind,
                event.message,
                json.dumps(dict(event.figures)),
            ),
        )
        if not cursor.rowcount:
            return None
        if event.keyframe:
            self._db.execute("INSERT INTO keyframe VALUES (?, ?)", (cursor.lastrowid, event.keyframe))
        return cursor.lastrowid

    def _delete_oldest(self, table: str, key: str) -> int:
        oldest = f"SELECT {key} FROM {table} ORDER BY {key} LIMIT {PRUNE_ROWS}"
        return self._db.execute(f"DELETE FROM {table} WHERE {key} IN ({oldest})").rowcount

    def _used_bytes(self) -> int:
        pages, free = (self._db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
        return (int(pages) - int(free)) * PAGE_BYTES


def _record(row: tuple[Any, ...]) -> EventRecord:
    event_id, has_keyframe, *columns, figures = row
    site, edge, boot_id, seq, camera, occurred_ns, received_ns, severity, kind, message = columns
    return EventRecord(
        site=site,
        edge=edge,
        boot_id=boot_id,
        seq=seq,
        camera=camera,
        occurred_ns=occurred_ns,
        severity=severity,
        kind=kind,
        message=message,
        figures=json.loads(figures),
        received_ns=received_ns,
        id=event_id,
        has_keyframe=bool(has_keyframe),
    )
