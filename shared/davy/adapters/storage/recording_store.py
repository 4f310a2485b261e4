"""Index of recorded video: segments, the spans that they cover, what is wanted and what was deleted, and clips.

A timeline reads spans, not segments: a camera that records for a month without a gap is one row.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Row,
    Table,
    Text,
    UniqueConstraint,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from davy.adapters.storage.database import Database
from davy.adapters.storage.schema import RowId, metadata, storable_text
from davy.domain.camera import CameraAddress
from davy.domain.recording import Segment
from davy.domain.video import Variant

NOUN = "recording"
JOIN_NS = 1_000_000_000  # segments this close are one span: a picture is missing at most
PRUNE_ROWS = 256  # deleted per transaction, which blocks others

recording_segment = Table(
    "recording_segment",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("camera", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("strength", Float, nullable=False),
    UniqueConstraint("camera", "variant", "boot_id", "first_seq", name="recording_segment_name"),
    Index("recording_segment_time", "camera", "variant", "start_ns"),
    Index("recording_segment_oldest", "start_ns"),
)
recording_span = Table(
    "recording_span",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("camera", Text, nullable=False),
    Column("variant", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Index("recording_span_time", "camera", "variant", "start_ns"),
)
recording_interval = Table(
    "recording_interval",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("camera", Text, nullable=False),
    Column("kind", Text, nullable=False),  # wanted, or deleted
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Index("recording_interval_end", "camera", "kind", "end_ns"),
)
recording_clip = Table(
    "recording_clip",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("camera", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_ns", BigInteger, nullable=False),
    Column("released_by", Text, nullable=False, server_default=""),
    Index("recording_clip_time", "camera", "start_ns"),
)

WANTED, DELETED = "wanted", "deleted"


@dataclass(frozen=True, slots=True)
class Span:
    """Recorded time of a camera and variant, without a gap over 1 s. Times are Unix times in ns."""

    camera: str
    variant: Variant
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A named part of a recording. While it is held, retention deletes nothing of it."""

    camera: str
    name: str
    reason: str
    start_ns: int
    end_ns: int
    held: bool
    made_by: str
    made_ns: int = 0
    id: int = 0
    released_by: str = ""


class RecordingStore:
    """The index of one site's recordings. Calls block and may come from any thread.

    Raises:
        ArchiveUnavailableError: The disk or the server fails; every method raises it.
    """

    def __init__(self, database: Database, site: str) -> None:
        self._database, self._site = database, site

    def add(self, segments: Iterable[Segment]) -> tuple[list[Segment], list[Segment]]:
        """Store segments in one transaction.

        Returns:
            The segments that are new, and those that they replace, which cover less.
        """
        new, replaced = [], []
        with self._database.transaction(NOUN) as connection:
            for segment in segments:
                alike = list(connection.execute(_overlapping(segment)))
                held = [_segment(row, self._site) for row in alike]
                if any(each.covers(segment) for each in held):
                    continue
                less = [(row.id, each) for row, each in zip(alike, held, strict=True) if segment.covers(each)]
                connection.execute(delete(recording_segment).where(recording_segment.c.id.in_([row_id for row_id, _ in less])))
                connection.execute(insert(recording_segment), _values(segment))
                _join(connection, segment.camera.key, segment.variant, segment.start_ns, segment.end_ns)
                new.append(segment)
                replaced += [each for _, each in less]
        return new, replaced

    def lacks(self, segment: Segment) -> bool:
        """Return whether a packet of a segment is not recorded."""
        with self._database.read() as connection:
            return self._lacks(connection, segment)

    def lacking(self, segments: Iterable[Segment]) -> list[Segment]:
        """Return the segments that hold packets that are not recorded."""
        with self._database.read() as connection:
            return [segment for segment in segments if self._lacks(connection, segment)]

    def _lacks(self, connection: Connection, segment: Segment) -> bool:
        held = [(row.first_seq, row.last_seq) for row in connection.execute(_overlapping(segment))]
        following = segment.first_seq
        for first, last in sorted(held):
            if first > following:
                return True
            following = max(following, last + 1)
        return following <= segment.last_seq

    def segments(self, camera: str, variant: Variant, start_ns: int, end_ns: int, limit: int = 100_000) -> list[Segment]:
        """The segments of a camera with something between two times, the oldest first."""
        table = recording_segment.c
        # a segment lasts 10 s and a group of pictures; the bound lets the index find the first one
        near = table.start_ns.between(start_ns - 600_000_000_000, end_ns - 1)
        wanted = select(recording_segment).where(
            table.camera == camera, table.variant == variant, near, table.end_ns > start_ns
        )
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(table.start_ns, table.first_seq).limit(limit))
            return [_segment(row, self._site) for row in rows]

    def newest_start_ns(self) -> int:
        """Start of the newest segment; 0 without any."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.max(recording_segment.c.start_ns), 0))).scalar_one())

    def size_bytes(self) -> int:
        """Size of all segments in bytes."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.coalesce(func.sum(recording_segment.c.bytes), 0))).scalar_one())

    def spans(self, cameras: Sequence[str], start_ns: int, end_ns: int, join_ns: int = JOIN_NS) -> list[Span]:
        """The spans of some cameras with something between two times, by camera, variant and time.

        Args:
            cameras: Keys of cameras; all if empty.
            start_ns: Unix time in ns.
            end_ns: Unix time in ns, exclusive.
            join_ns: Spans this close are joined, so that an answer stays short.
        """
        table = recording_span.c
        wanted = select(table.camera, table.variant, table.start_ns, table.end_ns).where(
            table.start_ns < end_ns, table.end_ns > start_ns
        )
        if cameras:
            wanted = wanted.where(table.camera.in_(cameras))
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(table.camera, table.variant, table.start_ns)).fetchall()
        found: list[Span] = []
        for camera, variant, start, end in rows:
            last = found[-1] if found else None
            if last and (last.camera, last.variant) == (camera, variant) and start - last.end_ns <= join_ns:
                found[-1] = Span(camera, variant, last.start_ns, max(last.end_ns, end))
            else:
                found.append(Span(camera, variant, start, end))
        return found

    def remove(self, segments: Iterable[Segment], *, forget: bool = False) -> None:
        """Remove segments from the index.

        Args:
            segments: The segments.
            forget: Their time may be filled again: the file was damaged. Otherwise it was deleted on purpose.
        """
        with self._database.transaction(NOUN) as connection:
            for segment in segments:
                connection.execute(delete(recording_segment).where(*_is(segment)))
                _cut(connection, segment)
                if not forget:
                    _mark(connection, DELETED, segment.camera.key, segment.start_ns, segment.end_ns, 2 * JOIN_NS)

    def old(self, before_ns: Mapping[str, int], limit: int = PRUNE_ROWS) -> list[Segment]:
        """Segments that end before a time of their camera and that no clip holds.

        Args:
            before_ns: Unix time in ns, by camera; cameras that are not named have no bound.
            limit: At most so many.
        """
        table, found = recording_segment.c, list[Segment]()
        with self._database.read() as connection:
            for camera, bound in before_ns.items():  # one camera at a time, and both variants: the index has them in order
                old = (table.camera == camera, table.variant.in_(("enhanced", "raw")), table.start_ns < bound)
                wanted = select(recording_segment).where(*old, table.end_ns < bound, ~_HELD).limit(limit)
                found += [_segment(row, self._site) for row in connection.execute(wanted)]
                if len(found) >= limit:
                    break
        return found

    def oldest(self, limit: int = PRUNE_ROWS) -> list[Segment]:
        """The oldest segments that no clip holds."""
        wanted = select(recording_segment).where(~_HELD).order_by(recording_segment.c.start_ns).limit(limit)
        with self._database.read() as connection:
            return [_segment(row, self._site) for row in connection.execute(wanted)]

    def of_range(self, camera: str, start_ns: int, end_ns: int) -> tuple[list[Segment], int]:
        """The segments inside a range of a camera that no clip holds, and how many are held."""
        table = recording_segment.c
        inside = (table.camera == camera, table.start_ns >= start_ns, table.end_ns <= end_ns)
        with self._database.read() as connection:
            rows = connection.execute(select(recording_segment, _HELD.label("held")).where(*inside)).fetchall()
        return [_segment(row, self._site) for row in rows if not row.held], sum(bool(row.held) for row in rows)

    def want(self, camera: str, start_ns: int, end_ns: int) -> None:
        """Want the recording of an interval, around a motion or an alarm."""
        with self._database.transaction(NOUN) as connection:
            _mark(connection, WANTED, camera, start_ns, end_ns, 0)

    def intervals(self, kind: str, camera: str, start_ns: int, end_ns: int) -> list[tuple[int, int]]:
        """The intervals of a kind of a camera with something between two times: WANTED or DELETED."""
        table = recording_interval.c
        wanted = select(table.start_ns, table.end_ns).where(
            table.camera == camera, table.kind == kind, table.end_ns > start_ns, table.start_ns < end_ns
        )
        with self._database.read() as connection:
            return [(start, end) for start, end in connection.execute(wanted)]

    def add_clip(self, clip: Clip) -> Clip:
        """Store a clip; return it with its id."""
        values = {
            "camera": clip.camera,
            "name": storable_text(clip.name),
            "reason": storable_text(clip.reason),
            "start_ns": clip.start_ns,
            "end_ns": clip.end_ns,
            "held": clip.held,
            "made_by": clip.made_by,
            "made_ns": time.time_ns(),
        }
        with self._database.transaction(NOUN) as connection:
            row = connection.execute(insert(recording_clip).values(values).returning(*recording_clip.c)).one()
        return _clip(row)

    def clips(self, camera: str = "", limit: int = 1000) -> list[Clip]:
        """Clips, the newest first.

        Args:
            camera: Only of this camera, if given.
            limit: At most so many.
        """
        wanted = select(recording_clip).order_by(recording_clip.c.id.desc()).limit(limit)
        if camera:
            wanted = wanted.where(recording_clip.c.camera == camera)
        with self._database.read() as connection:
            return [_clip(row) for row in connection.execute(wanted)]

    def clip(self, clip_id: int) -> Clip | None:
        """One clip."""
        with self._database.read() as connection:
            row = connection.execute(select(recording_clip).where(recording_clip.c.id == clip_id)).first()
        return _clip(row) if row else None

    def hold_clip(self, clip_id: int, held: bool, who: str) -> bool:
        """Hold or release a clip. Return whether it exists."""
        change = update(recording_clip).where(recording_clip.c.id == clip_id)
        with self._database.transaction(NOUN) as connection:
            return bool(connection.execute(change.values(held=held, released_by="" if held else who)).rowcount)

    def delete_clip(self, clip_id: int) -> bool:
        """Delete a clip; its video stays until retention deletes it. Return whether it existed."""
        with self._database.transaction(NOUN) as connection:
            return bool(connection.execute(delete(recording_clip).where(recording_clip.c.id == clip_id)).rowcount)


_HELD = exists().where(
    recording_clip.c.held,
    recording_clip.c.camera == recording_segment.c.camera,
    recording_clip.c.start_ns < recording_segment.c.end_ns,
    recording_clip.c.end_ns > recording_segment.c.start_ns,
)


def _is(segment: Segment) -> tuple[ColumnElement[bool], ...]:
    table = recording_segment.c
    key = (table.camera == segment.camera.key, table.variant == segment.variant, table.boot_id == segment.boot_id)
    return (*key, table.first_seq == segment.first_seq, table.sha256 == segment.sha256)


def _overlapping(segment: Segment) -> Any:  # noqa: ANN401  # a Select of all columns
    table = recording_segment.c
    key = (table.camera == segment.camera.key, table.variant == segment.variant, table.boot_id == segment.boot_id)
    # packets of one run are in order of time, and their numbers of first_seq, which the index has
    near = table.start_ns.between(segment.start_ns - 600_000_000_000, segment.end_ns)
    return select(recording_segment).where(*key, near, table.first_seq <= segment.last_seq, table.last_seq >= segment.first_seq)


def _values(segment: Segment) -> dict[str, object]:
    same = ("variant", "boot_id", "first_seq", "last_seq", "start_ns", "end_ns", "bytes", "sha256", "model", "strength")
    return {"camera": segment.camera.key} | {name: getattr(segment, name) for name in same}


def _segment(row: Row[Any], site: str) -> Segment:
    return Segment(
        CameraAddress.parse(row.camera, site),
        row.variant,
        row.boot_id,
        row.first_seq,
        row.last_seq,
        row.start_ns,
        row.end_ns,
        row.sha256,
        row.bytes,
        row.model,
        row.strength,
    )


def _clip(row: Row[Any]) -> Clip:
    return Clip(**dict(row._mapping) | {"held": bool(row.held)})


def _join(connection: Connection, camera: str, variant: str, start_ns: int, end_ns: int) -> None:
    """Add an interval to the spans."""
    table = recording_span.c
    near = (table.camera == camera, table.variant == variant, table.start_ns <= end_ns + JOIN_NS)
    rows = connection.execute(select(recording_span).where(*near, table.end_ns >= start_ns - JOIN_NS)).fetchall()
    start_ns = min([start_ns, *(row.start_ns for row in rows)])
    end_ns = max([end_ns, *(row.end_ns for row in rows)])
    if rows:
        connection.execute(delete(recording_span).where(table.id.in_([row.id for row in rows[1:]])))
        connection.execute(update(recording_span).where(table.id == rows[0].id).values(start_ns=start_ns, end_ns=end_ns))
    else:
        values = {"camera": camera, "variant": variant, "start_ns": start_ns, "end_ns": end_ns}
        connection.execute(insert(recording_span).values(values))


def _cut(connection: Connection, segment: Segment) -> None:
    """Take a segment's time out of the spans."""
    table, camera, variant = recording_span.c, segment.camera.key, segment.variant
    start_ns, end_ns = segment.start_ns, segment.end_ns
    over = (table.camera == camera, table.variant == variant, table.start_ns < end_ns, table.end_ns > start_ns)
    for row in connection.execute(select(recording_span).where(*over)).fetchall():
        connection.execute(delete(recording_span).where(table.id == row.id))
        for start, end in ((row.start_ns, start_ns), (end_ns, row.end_ns)):
            if end - start > JOIN_NS:
                connection.execute(insert(recording_span).values(camera=camera, variant=variant, start_ns=start, end_ns=end))


def _mark(connection: Connection, kind: str, camera: str, start_ns: int, end_ns: int, join_ns: int) -> None:
    """Add an interval of a kind; it is joined with those that it touches."""
    table = recording_interval.c
    touching = (table.start_ns <= end_ns + join_ns, table.end_ns >= start_ns - join_ns)
    rows = connection.execute(
        select(recording_interval).where(table.camera == camera, table.kind == kind, *touching)
    ).fetchall()
    connection.execute(delete(recording_interval).where(table.id.in_([row.id for row in rows])))
    start_ns = min([start_ns, *(row.start_ns for row in rows)])
    end_ns = max([end_ns, *(row.end_ns for row in rows)])
    connection.execute(insert(recording_interval).values(camera=camera, kind=kind, start_ns=start_ns, end_ns=end_ns))
