"""Raw keyframes for training: SQLite, on disk before they are acknowledged, each picture once, bytes and count bounded.

When there are too many, the camera that has most gives: first what is excluded, then its oldest. What is pinned to the
validation set stays, so pins may take half of the space at most.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from davy.adapters.storage.sqlite import archive_errors, open_database, transaction
from davy.domain.errors import ConflictError, UnknownSampleError

SIMILAR_BITS = 5  # of 64: pictures of one scene differ in so few bits of their hash
SIMILAR_MEAN = 10.0  # of luma: the same scene in another light is another sample
PIN_SHARE = 0.5
ROW_BYTES = 1024  # of a row beside its picture

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sample (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    site TEXT NOT NULL, edge TEXT NOT NULL, boot_id TEXT NOT NULL, seq INTEGER NOT NULL,
    camera TEXT NOT NULL, captured_ns INTEGER NOT NULL, received_ns INTEGER NOT NULL,
    reason TEXT NOT NULL, model TEXT NOT NULL, figures TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, mean REAL NOT NULL, dhash BLOB NOT NULL,
    use TEXT NOT NULL, bytes INTEGER NOT NULL,
    UNIQUE (site, edge, boot_id, seq)
);
CREATE INDEX IF NOT EXISTS sample_camera ON sample (camera, id);
CREATE TABLE IF NOT EXISTS picture (
    sample INTEGER PRIMARY KEY REFERENCES sample (id) ON DELETE CASCADE, jpeg BLOB NOT NULL
);
"""
_COLUMNS = (
    "site, edge, boot_id, seq, camera, captured_ns, received_ns, reason, model, figures, width, height, mean, dhash, use, bytes"
)


class Use(StrEnum):
    """What a sample is for."""

    TRAIN = "train"
    VALIDATION = "validation"  # pinned: never trained on, never evicted
    EXCLUDED = "excluded"  # kept, so that no picture like it comes again


class Outcome(StrEnum):
    """What became of a sample that was sent."""

    STORED = "stored"
    DUPLICATE = "duplicate"  # the very same was sent before
    SIMILAR = "similar"  # a picture like it is there


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A raw picture and where it comes from. (site, edge, boot_id, seq) names it for ever.

    Args:
        camera: "edge.camera".
        captured_ns: Unix time in ns, on the edge's clock.
        mean: Of luma, in [0, 255].
        dhash: 8 bytes: on a picture of 9 x 8 pixels, whether each is brighter than its left neighbour.
        jpeg: Empty in what a query returns: ask `SampleStore.picture`.
        size: Of jpeg, bytes; filled in by the store, like id and received_ns.
    """

    site: str
    edge: str
    boot_id: str
    seq: int
    camera: str
    captured_ns: int
    reason: str
    width: int
    height: int
    mean: float
    dhash: bytes
    model: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    jpeg: bytes = field(default=b"", repr=False)
    use: Use = Use.TRAIN
    received_ns: int = 0
    size: int = 0
    id: int = 0


@dataclass(frozen=True, slots=True)
class SampleQuery:
    """Which samples: newest first below id `before`, or, where `after` is given, oldest first above it."""

    camera: str | None = None
    edge: str | None = None
    reason: str | None = None
    model: str | None = None
    use: Use | None = None
    before: int | None = None
    after: int | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Tally:
    """How many samples of a camera there are for a use, and their bytes."""

    camera: str
    use: Use
    count: int
    size: int


class SampleStore:
    """One SQLite file in WAL mode. Calls block and may come from any thread, one at a time.

    Args:
        path: Its folder is made where it is missing.
        max_bytes: Of all pictures and their rows; the file is somewhat larger.
        max_count: Of samples.

    Raises:
        ArchiveUnavailableError: the file cannot be opened, or is no store. Every method raises it when the disk fails.
    """

    def __init__(self, path: Path, max_bytes: int, max_count: int) -> None:
        self.path, self.max_bytes, self.max_count = path, max_bytes, max_count
        self._lock = threading.Lock()
        self._db = open_database(path, _SCHEMA, "auto_vacuum=INCREMENTAL", "foreign_keys=ON")

    def add(self, sample: SampleRecord) -> Outcome:
        """Store a sample unless it, or one like it of the same camera, is there; then it is on disk. Others may go for it."""
        with archive_errors(self.path), self._lock, transaction(self._db):
            if self._has(sample):
                return Outcome.DUPLICATE
            if self._has_similar(sample):
                return Outcome.SIMILAR
            stored = replace(sample, received_ns=time.time_ns(), size=len(sample.jpeg) + ROW_BYTES)
            row = self._db.execute(f"INSERT INTO sample ({_COLUMNS}) VALUES ({', '.join('?' * 16)})", _values(stored)).lastrowid
            self._db.execute("INSERT INTO picture VALUES (?, ?)", (row, sample.jpeg))
            self._make_room()
        with archive_errors(self.path), self._lock:
            self._db.execute("PRAGMA incremental_vacuum").fetchall()
        return Outcome.STORED

    def query(self, query: SampleQuery) -> list[SampleRecord]:
        """Newest first, or oldest first where `query.after` is given; at most query.limit."""
        given = {
            "camera = ?": query.camera,
            "edge = ?": query.edge,
            "reason = ?": query.reason,
            "model = ?": query.model,
            "use = ?": query.use,
            "id < ?": query.before,
            "id > ?": query.after,
        }
        conditions = {clause: value for clause, value in given.items() if value is not None}
        where = " AND ".join(["TRUE", *conditions])
        order = "DESC" if query.after is None else "ASC"
        sql = f"SELECT id, {_COLUMNS} FROM sample WHERE {where} ORDER BY id {order} LIMIT ?"
        with archive_errors(self.path), self._lock:
            rows = self._db.execute(sql, [*conditions.values(), query.limit]).fetchall()
        return [_record(row) for row in rows]

    def get(self, sample_id: int) -> SampleRecord:
        """One sample.

        Raises:
            UnknownSampleError: there is none.
        """
        with archive_errors(self.path), self._lock:
            row = self._db.execute(f"SELECT id, {_COLUMNS} FROM sample WHERE id = ?", (sample_id,)).fetchone()
        if row is None:
            raise UnknownSampleError(sample_id)
        return _record(row)

    def picture(self, sample_id: int) -> bytes:
        """The JPEG of a sample.

        Raises:
            UnknownSampleError: there is none.
        """
        with archive_errors(self.path), self._lock:
            row = self._db.execute("SELECT jpeg FROM picture WHERE sample = ?", (sample_id,)).fetchone()
        if row is None:
            raise UnknownSampleError(sample_id)
        jpeg: bytes = row[0]
        return jpeg

    def assign(self, sample_id: int, use: Use) -> SampleRecord:
        """Say what a sample is for.

        Raises:
            UnknownSampleError: there is none.
            ConflictError: the validation set would take more than half of the store.
        """
        sample = self.get(sample_id)
        with archive_errors(self.path), self._lock, transaction(self._db):
            if use is Use.VALIDATION and sample.use is not use:
                count, size = self._sum("WHERE use = 'validation'")
                if count + 1 > PIN_SHARE * self.max_count or size + sample.size > PIN_SHARE * self.max_bytes:
                    raise ConflictError(
                        "the validation set has half of the sample store already: take something out of it first"
                    )
            self._db.execute("UPDATE sample SET use = ? WHERE id = ?", (use, sample_id))
        return replace(sample, use=use)

    def tally(self) -> Sequence[Tally]:
        """What there is, by camera and use."""
        with archive_errors(self.path), self._lock:
            rows = self._db.execute(
                "SELECT camera, use, count(*), sum(bytes) FROM sample GROUP BY camera, use ORDER BY camera, use"
            ).fetchall()
        return [Tally(camera, Use(use), count, size) for camera, use, count, size in rows]

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _has(self, sample: SampleRecord) -> bool:
        sql = "SELECT 1 FROM sample WHERE site = ? AND edge = ? AND boot_id = ? AND seq = ?"
        return self._db.execute(sql, (sample.site, sample.edge, sample.boot_id, sample.seq)).fetchone() is not None

    def _has_similar(self, sample: SampleRecord) -> bool:
        sql = "SELECT dhash FROM sample WHERE camera = ? AND abs(mean - ?) <= ?"
        rows = self._db.execute(sql, (sample.camera, sample.mean, SIMILAR_MEAN))
        return any(hash_distance(sample.dhash, row[0]) <= SIMILAR_BITS for row in rows)

    def _make_room(self) -> None:
        while True:
            count, size = self._sum("")
            if count <= self.max_count and size <= self.max_bytes:
                return
            # Fair: whoever takes most gives, so a noisy camera cannot push a quiet one out.
            measure = "count(*)" if count > self.max_count else "sum(bytes)"
            row = self._db.execute(
                f"SELECT camera FROM sample WHERE use != 'validation' GROUP BY camera ORDER BY {measure} DESC, camera LIMIT 1"
            ).fetchone()
            if row is None:
                return
            self._db.execute(
                "DELETE FROM sample WHERE id = (SELECT id FROM sample WHERE camera = ? AND use != 'validation'"
                " ORDER BY use != 'excluded', id LIMIT 1)",
                row,
            )

    def _sum(self, where: str) -> tuple[int, int]:
        count, size = self._db.execute(f"SELECT count(*), coalesce(sum(bytes), 0) FROM sample {where}").fetchone()
        return count, size


def hash_distance(one: bytes, other: bytes) -> int:
    """Bits in which two hashes of equal length differ."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).bit_count()


def _values(sample: SampleRecord) -> tuple[object, ...]:
    figures = json.dumps(dict(sample.figures))
    names = (sample.site, sample.edge, sample.boot_id, sample.seq, sample.camera, sample.captured_ns, sample.received_ns)
    told = (sample.reason, sample.model, figures, sample.width, sample.height, sample.mean, sample.dhash)
    return (*names, *told, sample.use, sample.size)


def _record(row: tuple[Any, ...]) -> SampleRecord:
    found = dict(zip(("id", *_COLUMNS.split(", ")), row, strict=True))
    found |= {"figures": json.loads(found["figures"]), "use": Use(found["use"]), "size": found.pop("bytes")}
    return SampleRecord(**found)
