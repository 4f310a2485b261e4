"""Raw keyframes for training: durable before acknowledgement, each picture once, bounded in bytes and count.

When the store is full, the camera with most samples loses one: an excluded one first, else its oldest. Samples of the
validation set are never evicted, so they may take half of the store at most.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from operator import eq, gt, lt
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    true,
    update,
)

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import RowId, metadata, storable_text
from davy.domain.errors import ConflictError, UnknownSampleError
from davy.domain.sample import Outcome, SampleQuery, SampleRecord, Tally, Use, hash_distance

NOUN = "sample"
SIMILAR_BITS = 5  # of 64 bits: largest hash distance of one scene
SIMILAR_MEAN = 10.0  # levels of luma: the same scene in different light is another sample
PIN_SHARE = 0.5
ROW_BYTES = 1024  # of a row without its picture

sample = Table(
    "sample",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("site", Text, nullable=False),
    Column("edge", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("camera", Text, nullable=False),
    Column("captured_ns", BigInteger, nullable=False),
    Column("received_ns", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("figures", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("mean", Double, nullable=False),
    Column("dhash", LargeBinary, nullable=False),
    Column("use", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    UniqueConstraint("site", "edge", "boot_id", "seq", name="sample_name"),
    Index("sample_camera", "camera", "id"),
    sqlite_autoincrement=True,
)
picture = Table(
    "picture",
    metadata,
    Column("sample", RowId, ForeignKey("sample.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("jpeg", LargeBinary, nullable=False),
)
_PINNED = sample.c.use == Use.VALIDATION.value


class SampleStore:
    """Samples and their pictures. Calls block and may come from any thread.

    Args:
        max_bytes: Of all pictures and their rows; the database is somewhat larger.
        max_count: Of samples.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, max_bytes: int, max_count: int) -> None:
        self._database, self.max_bytes, self.max_count = database, max_bytes, max_count

    def add(self, new: SampleRecord) -> Outcome:
        """Store a sample unless the camera has the same or a similar one; it is durable on return.

        Others are evicted where the store is full.
        """
        with self._database.transaction(NOUN) as connection:
            if _has(connection, new):
                return Outcome.DUPLICATE
            if _has_similar(connection, new):
                return Outcome.SIMILAR
            stored = replace(new, received_ns=time.time_ns(), size=len(new.jpeg) + ROW_BYTES)
            row_id = connection.execute(insert(sample).values(_values(stored)).returning(sample.c.id)).scalar_one()
            connection.execute(insert(picture).values(sample=row_id, jpeg=new.jpeg))
            evicted = self._make_room(connection)
        if evicted:
            self._database.release_space()
        return Outcome.STORED

    def query(self, query: SampleQuery) -> list[SampleRecord]:
        """Find samples, newest first, or oldest first if `query.after` is given; at most query.limit."""
        given = (
            (eq, sample.c.camera, query.camera),
            (eq, sample.c.edge, query.edge),
            (eq, sample.c.reason, query.reason),
            (eq, sample.c.model, query.model),
            (eq, sample.c.use, query.use and query.use.value),
            (lt, sample.c.id, query.before),
            (gt, sample.c.id, query.after),
        )
        wanted = select(sample).where(*(compare(column, value) for compare, column, value in given if value is not None))
        wanted = wanted.order_by(sample.c.id.desc() if query.after is None else sample.c.id).limit(query.limit)
        with self._database.read() as connection:
            return [_record(row) for row in connection.execute(wanted)]

    def get(self, sample_id: int) -> SampleRecord:
        """Read one sample.

        Raises:
            UnknownSampleError: No sample has this id.
        """
        with self._database.read() as connection:
            row = connection.execute(select(sample).where(sample.c.id == sample_id)).one_or_none()
        if row is None:
            raise UnknownSampleError(sample_id)
        return _record(row)

    def picture(self, sample_id: int) -> bytes:
        """Read the JPEG of a sample.

        Raises:
            UnknownSampleError: No sample has this id.
        """
        with self._database.read() as connection:
            jpeg = connection.execute(select(picture.c.jpeg).where(picture.c.sample == sample_id)).scalar_one_or_none()
        if jpeg is None:
            raise UnknownSampleError(sample_id)
        return bytes(jpeg)

    def assign(self, sample_id: int, use: Use) -> SampleRecord:
        """Set a sample's use.

        Raises:
            UnknownSampleError: No sample has this id.
            ConflictError: The validation set would take more than half of the store.
        """
        with self._database.transaction(NOUN) as connection:
            row = connection.execute(select(sample).where(sample.c.id == sample_id)).one_or_none()
            if row is None:
                raise UnknownSampleError(sample_id)
            found = _record(row)
            if use is Use.VALIDATION and found.use is not use:
                self._check_pins(connection, found.size)
            connection.execute(update(sample).where(sample.c.id == sample_id).values(use=use.value))
        return replace(found, use=use)

    def tally(self) -> Sequence[Tally]:
        """Count samples and their bytes by camera and use."""
        columns = sample.c
        wanted = select(columns.camera, columns.use, func.count(), func.sum(columns.bytes)).group_by(
            columns.camera, columns.use
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted).all()
        return sorted(
            (Tally(camera, Use(use), count, int(size)) for camera, use, count, size in rows),
            key=lambda each: (each.camera, each.use),
        )

    def _check_pins(self, connection: Connection, more: int) -> None:
        count, size = _sum(connection, _PINNED)
        if count + 1 > PIN_SHARE * self.max_count or size + more > PIN_SHARE * self.max_bytes:
            raise ConflictError("the validation set has half of the sample store already: take something out of it first")

    def _make_room(self, connection: Connection) -> int:
        evicted = 0
        while True:
            count, size = _sum(connection, true())
            if count <= self.max_count and size <= self.max_bytes:
                return evicted
            # Fairness: the camera with most bytes loses samples, so that a noisy camera cannot evict a quiet one.
            measure = func.count() if count > self.max_count else func.sum(sample.c.bytes)
            largest = select(sample.c.camera).where(~_PINNED).group_by(sample.c.camera)
            camera = connection.scalars(largest.order_by(measure.desc(), sample.c.camera).limit(1)).one_or_none()
            if camera is None:
                return evicted
            oldest = select(sample.c.id).where(sample.c.camera == camera, ~_PINNED)
            oldest = oldest.order_by(sample.c.use != Use.EXCLUDED.value, sample.c.id).limit(1)
            connection.execute(delete(sample).where(sample.c.id == oldest.scalar_subquery()))
            evicted += 1


def _has(connection: Connection, new: SampleRecord) -> bool:
    name = (sample.c.site == new.site, sample.c.edge == new.edge, sample.c.boot_id == new.boot_id, sample.c.seq == new.seq)
    return connection.execute(select(sample.c.id).where(*name)).first() is not None


def _has_similar(connection: Connection, new: SampleRecord) -> bool:
    near = (sample.c.camera == new.camera, func.abs(sample.c.mean - new.mean) <= SIMILAR_MEAN)
    hashes = connection.scalars(select(sample.c.dhash).where(*near))
    return any(hash_distance(new.dhash, each) <= SIMILAR_BITS for each in hashes)


def _sum(connection: Connection, where: ColumnElement[bool]) -> tuple[int, int]:
    count, size = connection.execute(select(func.count(), func.coalesce(func.sum(sample.c.bytes), 0)).where(where)).one()
    return int(count), int(size)


def _values(each: SampleRecord) -> dict[str, Any]:
    named = {name: getattr(each, name) for name in sample.c.keys() if name not in ("id", "bytes")}  # noqa: SIM118
    changed = {"figures": json.dumps(dict(each.figures)), "use": each.use.value, "bytes": each.size}
    return named | changed | {"reason": storable_text(each.reason), "model": storable_text(each.model)}


def _record(row: Row[Any]) -> SampleRecord:
    columns = dict(row._mapping)
    return SampleRecord(**columns | {"figures": json.loads(row.figures), "use": Use(row.use), "size": columns.pop("bytes")})
