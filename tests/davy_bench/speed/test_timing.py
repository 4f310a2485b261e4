import time

import numpy as np
import pytest

from davy_bench.speed.timing import MIN_ROUNDS, Quartiles, TimedMethod, ratios, time_in_turns

PICTURE = np.zeros((16, 16, 3), np.uint8)


def sleeper(name, ms, calls, threads=1, frames=1):
    def run():
        calls.append((name, threads))
        time.sleep(ms / 1000 * frames)

    return TimedMethod(name, threads, run, frames)


def test_every_method_runs_once_per_round_and_the_first_round_is_not_counted():
    calls = []
    found = time_in_turns(
        [sleeper("a", 0, calls), sleeper("b", 0, calls), sleeper("a", 0, calls, threads=2)], 0, PICTURE, print
    )
    assert {key: len(values) for key, values in found.items()} == {("a", 1): 5, ("b", 1): 5, ("a", 2): 5}
    assert len(calls) == 3 * (MIN_ROUNDS + 1)
    for begin in range(0, len(calls), 3):
        assert set(calls[begin : begin + 2]) == {("a", 1), ("b", 1)}
        assert calls[begin + 2] == ("a", 2)


def test_time_is_per_frame():
    found = time_in_turns([sleeper("ten", 2, [], frames=5)], 0, PICTURE, lambda done, total: None)
    assert np.median(found["ten", 1]) == pytest.approx(2, rel=0.5)


def test_ratios_are_of_the_same_round():
    found = {("slow", 1): [10.0, 20.0, 40.0], ("fast", 1): [1.0, 2.0, 4.0]}
    assert ratios(found, ("slow", 1))["fast", 1] == Quartiles(0.1, 0.1, 0.1)


def test_quartiles_are_around_the_median():
    assert Quartiles.of([5, 1, 2, 3, 4]) == Quartiles(2, 3, 4)
