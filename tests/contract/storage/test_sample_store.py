from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from davy.adapters.storage.sample_store import ROW_BYTES, SampleStore
from davy.domain.errors import ConflictError, UnknownSampleError
from davy.domain.sample import Outcome, SampleQuery, SampleRecord, Use, hash_distance

NEXT = iter(range(1, 10**6))


def sample(camera: str = "north.face", size: int = 1000, **changes) -> SampleRecord:
    seq = next(NEXT)
    edge = camera.partition(".")[0]
    unlike = np.random.default_rng(seq).bytes(8)
    made = SampleRecord(
        "mine", edge, "b1", seq, camera, 10**18, "dark", 320, 240, 30.0, unlike, "ispcnn-1", {"value": 0.5}, bytes(size)
    )
    return replace(made, **changes)


@pytest.fixture
def store(database):
    return SampleStore(database, 20 * (1000 + ROW_BYTES), 20)


def test_a_sample_comes_back_with_its_origin_after_a_restart(store, reopen):
    given = sample()
    assert store.add(given) is Outcome.STORED
    again = SampleStore(reopen(), 10**6, 20)
    (found,) = again.query(SampleQuery())
    assert replace(found, id=0, received_ns=0, size=0, jpeg=given.jpeg) == given
    assert again.picture(found.id) == given.jpeg


def test_sent_twice_is_stored_once(store):
    given = sample()
    assert [store.add(given), store.add(given)] == [Outcome.STORED, Outcome.DUPLICATE]
    assert len(store.query(SampleQuery())) == 1


def test_a_picture_like_one_that_is_there_is_not_kept_but_another_light_or_camera_is(store):
    first = sample(dhash=bytes(8))
    alike = bytes([0b111, 0, 0, 0, 0, 0, 0, 0])
    assert hash_distance(first.dhash, alike) == 3
    assert store.add(first) is Outcome.STORED
    assert store.add(sample(dhash=alike)) is Outcome.SIMILAR
    assert store.add(sample(dhash=alike, mean=60.0)) is Outcome.STORED
    assert store.add(sample("north.belt", dhash=alike)) is Outcome.STORED


def test_a_noisy_camera_cannot_push_a_quiet_one_out(store):
    for camera in ["north.quiet"] * 3 + ["north.noisy"] * 100 + ["south.other"] * 5:
        store.add(sample(camera))
    kept = Counter(each.camera for each in store.query(SampleQuery()))
    assert kept == {"north.quiet": 3, "north.noisy": 12, "south.other": 5}
    newest = store.query(SampleQuery(camera="north.noisy"))
    assert [each.seq for each in newest] == sorted((each.seq for each in newest), reverse=True)
    assert newest[-1].seq > newest[0].seq - 20  # the oldest went


def test_bytes_are_bounded_too(store, tmp_path):
    for _ in range(30):
        store.add(sample(size=5000))
    held = sum(each.size for each in store.tally())
    assert held <= store.max_bytes
    assert held > store.max_bytes - 2 * (5000 + ROW_BYTES)
    assert sum(file.stat().st_size for file in tmp_path.glob("davy.db")) < 4 * store.max_bytes + 200_000


def test_what_is_pinned_stays_and_what_is_excluded_goes_first(store):
    for _ in range(20):
        store.add(sample())
    ids = [each.id for each in store.query(SampleQuery(after=0))]
    store.assign(ids[0], Use.VALIDATION)
    store.assign(ids[7], Use.EXCLUDED)
    store.add(sample())
    assert [store.get(ids[0]).use, store.get(ids[1]).use] == [Use.VALIDATION, Use.TRAIN]
    with pytest.raises(UnknownSampleError, match="newer samples may have replaced it"):
        store.get(ids[7])
    for _ in range(50):
        store.add(sample())
    assert store.query(SampleQuery(use=Use.VALIDATION))[0].id == ids[0]


def test_pins_take_half_of_the_space_at_most(store):
    for _ in range(20):
        store.add(sample())
    ids = [each.id for each in store.query(SampleQuery())]
    for sample_id in ids[:10]:
        store.assign(sample_id, Use.VALIDATION)
    with pytest.raises(ConflictError, match="half"):
        store.assign(ids[10], Use.VALIDATION)
    store.assign(ids[0], Use.VALIDATION)  # it is pinned already


def test_queries_filter_and_go_both_ways(store):
    for camera, reason in (("north.face", "dark"), ("north.belt", "uneven"), ("south.face", "dark")):
        store.add(sample(camera, reason=reason))
    assert [each.camera for each in store.query(SampleQuery(reason="dark"))] == ["south.face", "north.face"]
    assert [each.camera for each in store.query(SampleQuery(edge="north", after=0))] == ["north.face", "north.belt"]
    (one,) = store.query(SampleQuery(camera="north.belt", model="ispcnn-1", use=Use.TRAIN))
    assert [each.camera for each in store.query(SampleQuery(before=one.id))] == ["north.face"]
