import time

import pytest

from davy.domain.age import Age


def test_an_age_grows_with_the_monotonic_clock():
    age = Age(0.25, known_at_s=100.0)
    assert [age.seconds(100.0), age.seconds(100.5)] == [0.25, 0.75]


def test_a_frame_from_the_future_is_new():
    assert Age.since(time.time_ns() + 10**12).seconds() < 0.1


def test_a_captured_frame_is_as_old_as_its_capture_time_says():
    assert Age.since(time.time_ns() - 2 * 10**9).seconds() == pytest.approx(2, abs=0.2)


def test_an_age_expires_at_its_limit():
    assert not Age(0.4).expired
    assert not Age(0.4).limited(10).expired
    assert Age(0.4).limited(0.3).expired
