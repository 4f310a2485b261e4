"""The index of recorded video, on SQLite and on PostgreSQL."""

from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256

import pytest
from sqlalchemy import event, insert

from davy.adapters.storage.recording_store import DELETED, WANTED, Clip, RecordingStore, recording_span
from davy.domain.camera import CameraAddress
from davy.domain.recording import Segment

S = 1_000_000_000
CAMERA = CameraAddress("mine", "north", "face")


def segment(number: int, *, first=None, last=None, boot="boot-1", camera=CAMERA) -> Segment:
    """The number-th 10 s of a camera with 10 pictures a second."""
    first, last = first or number * 100 + 1, last or number * 100 + 100
    name = sha256(f"{camera}{boot}{first}{last}".encode()).hexdigest()
    start_ns, end_ns = (first - 1) * S // 10, last * S // 10
    return Segment(camera, "enhanced", boot, first, last, start_ns + S, end_ns + S, name, 1000, "first", 0.5)


@pytest.fixture
def store(database):
    return RecordingStore(database, "mine")


def spans(store, start=0, end=10_000):
    return [((each.start_ns // S), each.end_ns // S) for each in store.spans(["north.face"], start * S, end * S)]


def test_a_segment_is_stored_once_and_read_as_it_was(store):
    assert store.add([segment(0)]) == ([segment(0)], [])
    assert store.add([segment(0)]) == ([], [])
    (found,) = store.segments("north.face", "enhanced", 0, 100 * S)
    assert (found, found.model, found.strength) == (segment(0), "first", 0.5)


def test_adjacent_segments_are_one_span_and_a_gap_makes_two(store):
    store.add([segment(0), segment(1), segment(5)])
    assert spans(store) == [(1, 21), (51, 61)]
    store.add([segment(2), segment(3), segment(4)])
    assert spans(store) == [(1, 61)]


def test_a_segment_that_covers_another_replaces_it(store):
    part = segment(0, first=41, last=100)
    store.add([part])
    assert store.lacks(segment(0))
    assert store.add([segment(0)]) == ([segment(0)], [part])
    assert not store.lacks(segment(0))
    assert store.segments("north.face", "enhanced", 0, 100 * S) == [segment(0)]


def test_nothing_is_lacking_where_two_segments_together_hold_every_packet(store):
    store.add([segment(0, first=1, last=60), segment(0, first=41, last=100)])
    assert not store.lacks(segment(0))
    assert store.lacking([segment(0), segment(1), segment(0, boot="boot-2")]) == [segment(1), segment(0, boot="boot-2")]


def test_deleted_time_leaves_the_spans_and_is_remembered(store):
    store.add([segment(number) for number in range(6)])
    store.remove([segment(0), segment(1), segment(3)])
    assert spans(store) == [(21, 31), (41, 61)]
    deleted = store.intervals(DELETED, "north.face", 0, 100 * S)
    assert sorted(deleted) == [(1 * S, 21 * S), (31 * S, 41 * S)]
    store.remove([segment(5)], forget=True)
    assert spans(store) == [(21, 31), (41, 51)]
    assert len(store.intervals(DELETED, "north.face", 0, 100 * S)) == 2


def test_the_oldest_are_chosen_by_camera_and_a_held_clip_is_spared(store):
    store.add([segment(number) for number in range(4)])
    clip = store.add_clip(Clip("north.face", "fall", "roof fall", 12 * S, 13 * S, held=True, made_by="anna"))
    assert store.oldest() == [segment(0), segment(2), segment(3)]
    assert store.old({"north.face": 25 * S}) == [segment(0)]
    assert store.of_range("north.face", 0, 22 * S) == ([segment(0)], 1)
    assert store.hold_clip(clip.id, held=False, who="ben")
    assert store.oldest(2) == [segment(0), segment(1)]
    assert store.clips()[0] == replace(clip, held=False, released_by="ben")
    assert store.delete_clip(clip.id)
    assert store.clip(clip.id) is None


def test_wanted_intervals_that_touch_are_one(store):
    for start in (10, 15, 100):
        store.want("north.face", start * S, (start + 10) * S)
    assert sorted(store.intervals(WANTED, "north.face", 0, 1000 * S)) == [(10 * S, 25 * S), (100 * S, 110 * S)]
    assert store.intervals(WANTED, "north.belt", 0, 1000 * S) == []


def test_the_answer_of_a_timeline_stays_short(store):
    store.add([segment(2 * number) for number in range(50)])
    assert len(store.spans([], 0, 2000 * S)) == 50
    assert len(store.spans([], 0, 2000 * S, join_ns=15 * S)) == 1


@contextmanager
def statements(database):
    """The statements that are executed in the block."""
    found = []

    def note(_connection, _cursor, statement, parameters, *_):
        found.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def test_a_month_of_forty_cameras_is_one_query_and_a_short_answer(store, database):
    hour = 3600 * S
    rows = [
        {"camera": f"north.cam-{number}", "variant": "enhanced", "start_ns": at * hour, "end_ns": (at + 1) * hour - 60 * S}
        for number in range(40)
        for at in range(720)
    ]
    with database.transaction("recording") as connection:
        connection.execute(insert(recording_span), rows)
    with statements(database) as executed:
        assert len(store.spans([], 0, 720 * hour, join_ns=720 * hour // 2000)) == 40
        assert len(store.spans(["north.cam-7"], 0, 720 * hour)) == 720
    assert len([each for each, _ in executed if each.startswith("SELECT")]) == 2


def test_the_segments_of_a_minute_and_old_ones_are_found_by_an_index(store, database):
    if not database.embedded:
        pytest.skip("PostgreSQL plans by the size of the table")
    with statements(database) as executed:
        store.segments("north.face", "enhanced", 0, 60 * S)
        store.old({"north.face": 60 * S})
        store.oldest()
        store.lacks(segment(0))
    with database.read() as connection:
        for statement, parameters in [each for each in executed if each[0].startswith("SELECT")]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
            assert "recording_segment USING INDEX" in plan[0][3], plan
