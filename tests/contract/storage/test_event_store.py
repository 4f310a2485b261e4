import threading
import time
from dataclasses import replace

import pytest

from davy.adapters.storage.event_store import EventStore
from davy.domain.errors import ArchiveUnavailableError
from davy.domain.event import EventQuery, EventRecord

SECOND = 1_000_000_000


def event(seq, **changes):
    base = EventRecord(
        site="mine",
        edge="north",
        boot_id="b1",
        seq=seq,
        camera="north.face",
        occurred_ns=seq * SECOND,
        severity=1,
        kind="motion",
        message="something moves",
        figures={"share": 0.25},
    )
    return replace(base, **changes)


@pytest.fixture
def store(database):
    return EventStore(database)


def test_an_event_comes_back_as_it_was(store):
    store.add([event(1, keyframe=b"jpeg")])
    (found,) = store.query(EventQuery())
    assert found == event(1, id=1, received_ns=found.received_ns, has_keyframe=True)
    assert store.keyframe(found.id) == b"jpeg"
    assert store.keyframe(99) is None


def test_an_event_sent_twice_is_stored_once(store):
    assert [new.seq for new in store.add([event(1), event(2)])] == [1, 2]
    assert [new.seq for new in store.add([event(2), event(3), event(3)])] == [3]
    assert [found.seq for found in store.query(EventQuery())] == [3, 2, 1]


def test_another_boot_or_edge_may_use_the_same_seq(store):
    assert len(store.add([event(1), event(1, boot_id="b2"), event(1, edge="south"), event(1, site="other")])) == 4


def test_it_survives_being_opened_again(store, reopen):
    store.add([event(1)])
    again = EventStore(reopen())
    assert again.last_id() == 1
    assert [new.id for new in again.add([event(1), event(2)])] == [again.last_id()]


def test_two_processes_share_one_archive_and_its_quota(store, reopen):
    other = EventStore(reopen())
    assert [new.seq for new in store.add([event(1), event(2)])] == [1, 2]
    assert [new.seq for new in other.add([event(2), event(3, keyframe=bytes(1000))])] == [3]
    assert store.size_bytes() == other.size_bytes() > 1000


def test_an_id_is_never_used_again(store):
    store.max_age_s = 1
    (first,) = store.add([event(1)])
    store.prune(now_ns=time.time_ns() + 2 * SECOND)
    (second,) = store.add([event(2)])
    assert second.id > first.id


def test_what_was_deleted_no_longer_counts(store):
    store.add([event(n, keyframe=bytes(1000)) for n in range(1, 5)])
    store.max_age_s = 1
    store.prune(now_ns=time.time_ns() + 2 * SECOND)
    assert store.size_bytes() == 0


def test_a_text_with_a_nul_is_stored(store):
    store.add([event(1, message="a\0b")])
    assert store.query(EventQuery())[0].message == "a\ufffdb"


def test_ids_become_visible_in_their_order_while_several_write(store, reopen):
    others = [EventStore(reopen()) for _ in range(3)]
    writers = [
        threading.Thread(target=lambda n=n, other=other: [other.add([event(n * 100 + k)]) for k in range(20)])
        for n, other in enumerate(others, 1)
    ]
    for writer in writers:
        writer.start()
    followed = []
    while any(writer.is_alive() for writer in writers) or len(followed) < store.last_id():
        found = store.query(EventQuery(after=followed[-1] if followed else 0))
        followed += [each.id for each in found]
        if not found and len(followed) == 60:
            break
    assert len(followed) == 60


@pytest.mark.parametrize(
    ("query", "seqs"),
    [
        (EventQuery(since_ns=2 * SECOND), [4, 3, 2]),
        (EventQuery(until_ns=2 * SECOND), [1]),
        (EventQuery(camera="north.belt"), [4]),
        (EventQuery(kind="person"), [3]),
        (EventQuery(edge="north", severity=2), [3]),
        (EventQuery(limit=2), [4, 3]),
        (EventQuery(before=3, limit=1), [2]),
        (EventQuery(after=1, limit=2), [2, 3]),
    ],
)
def test_a_query_finds_what_it_asks_for(store, query, seqs):
    store.add([event(1), event(2), event(3, kind="person", severity=3), event(4, camera="north.belt")])
    assert [found.seq for found in store.query(query)] == seqs


def test_old_events_go_by_the_age_of_their_arrival(store):
    store.max_age_s = 10
    store.add([event(1, keyframe=b"jpeg")])  # its own clock says 1970
    assert store.prune() == 0
    assert store.prune(now_ns=time.time_ns() + 11 * SECOND) == 1
    assert store.query(EventQuery()) == []
    assert store.keyframe(1) is None


def test_a21_an_edge_that_reports_without_end_pushes_out_its_own_events_alone(store):
    store.max_bytes = 300_000
    store.add([event(1, edge="south", keyframe=bytes(10_000)), event(1, edge="aggregator", kind="config-changed")])
    for start in range(0, 6000, 1000):
        store.add([event(start + n + 1, keyframe=bytes(2000) if n < 200 else b"") for n in range(1000)])
        store.prune()
    assert store.size_bytes() <= 300_000
    assert [found.seq for found in store.query(EventQuery(edge="aggregator"))] == [1]
    (alarm,) = store.query(EventQuery(edge="south"))
    assert store.keyframe(alarm.id) is not None
    assert store.query(EventQuery(limit=1))[0].seq == 6000


def test_the_disk_is_bounded_and_keyframes_go_before_events(store, tmp_path):
    store.max_bytes = 2_000_000
    for start in range(0, 400, 20):
        store.add([event(start + n + 1, keyframe=bytes(50_000)) for n in range(20)])
        store.prune()
    assert store.size_bytes() <= 2_000_000
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 8_000_000  # with the write-ahead log
    found = store.query(EventQuery(limit=1000))
    assert len(found) == 400
    assert not found[-1].has_keyframe
    store.max_bytes = 60_000
    assert store.prune() > 0
    assert store.query(EventQuery(limit=1))[0].seq == 400


def test_a_batch_with_a_fault_is_not_half_stored(store):
    with pytest.raises(ArchiveUnavailableError):
        store.add([event(1), event(2, kind=None)])
    assert store.query(EventQuery()) == []
    assert len(store.add([event(1)])) == 1


def test_several_threads_may_add_at_once(store):
    threads = [threading.Thread(target=lambda n=n: store.add([event(n)])) for n in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.query(EventQuery())) == 16
