from hypothesis import given
from hypothesis import strategies as st

from davy_aggregator.analysis.assignment import assign

workers = st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 8), max_size=6)
cameras = st.integers(0, 60).map(range)


def test_two_equal_analysers_take_half_of_the_cameras_each():
    assigned = assign(range(10), {"a": 1, "b": 1}, {})
    assert sorted(assigned.values()) == ["a"] * 5 + ["b"] * 5


def test_an_analyser_of_three_times_the_capacity_takes_three_times_the_cameras():
    assert list(assign(range(8), {"a": 3, "b": 1}, {}).values()).count("a") == 6


def test_only_cameras_of_the_lost_analyser_move():
    before = assign(range(9), {"a": 1, "b": 1, "c": 1}, {})
    after = assign(range(9), {"a": 1, "b": 1}, before)
    assert all(after[camera] == worker for camera, worker in before.items() if worker != "c")


def test_a_new_analyser_takes_its_share_and_no_other_camera_moves():
    before = assign(range(9), {"a": 1, "b": 1}, {})
    after = assign(range(9), {"a": 1, "b": 1, "c": 1}, before)
    moved = [camera for camera in before if before[camera] != after[camera]]
    assert len(moved) == 3
    assert {after[camera] for camera in moved} == {"c"}


@given(cameras, workers, workers)
def test_every_camera_has_one_living_analyser_and_no_load_exceeds_another_by_more_than_a_camera(cameras, before, now):
    assigned = assign(cameras, now, assign(cameras, before, {}))
    if not now:
        assert assigned == {}
        return
    assert assigned.keys() == set(cameras)
    counts = {worker: list(assigned.values()).count(worker) for worker in now}
    loads = [counts[worker] / now[worker] for worker in now]
    assert max(loads) <= min((counts[worker] + 1) / now[worker] for worker in now)


@given(cameras, workers)
def test_an_assignment_that_is_fair_stays(cameras, now):
    before = assign(cameras, now, {})
    assert assign(cameras, now, before) == before
