import itertools
import threading
import time

import pytest

from davy.adapters.camera.pace import Pacer, RateLimiter, SteadyClock


def test_a_25_fps_camera_capped_at_10_gives_10_a_second():
    limiter = RateLimiter(10)
    taken = [n for n in range(250) if limiter.accept(n / 25)]
    assert 98 <= len(taken) <= 102
    assert max(b - a for a, b in itertools.pairwise(taken)) == 3  # evenly: 80 or 120 ms apart


def test_a_camera_at_the_cap_loses_nothing_to_jitter():
    limiter = RateLimiter(10)
    assert all(limiter.accept(n / 10 + (0.015 if n % 2 else 0)) for n in range(100))


def test_after_a_silence_no_burst_follows():
    limiter = RateLimiter(10)
    assert limiter.accept(0)
    assert sum(limiter.accept(60 + n / 1000) for n in range(100)) <= 3


@pytest.mark.alone
def test_a_file_that_is_late_goes_on_from_now():
    pacer = Pacer(threading.Event())
    assert pacer.wait(0)
    time.sleep(0.6)  # a busy machine
    began = time.monotonic()
    assert pacer.wait(0.05)
    assert pacer.wait(0.15)
    assert 0.08 < time.monotonic() - began < 0.2


def test_a_closed_source_does_not_wait():
    closing = threading.Event()
    pacer = Pacer(closing)
    assert pacer.wait(0)
    closing.set()
    assert not pacer.wait(60)


def test_another_rate_counts_from_the_next_frame_on():
    limiter = RateLimiter(2)
    assert sum(limiter.accept(n / 50) for n in range(100)) <= 6
    limiter.set_fps(10)
    taken = [n for n in range(100) if limiter.accept(2 + n / 50)]
    assert 19 <= len(taken) <= 22
    assert min(b - a for a, b in itertools.pairwise(taken)) >= 4  # 80 ms: no two at once


def test_gaps_jumps_back_and_missing_times_are_one_frame_long():
    clock = SteadyClock(0.1)
    told = [clock.media_s(at) for at in (5.0, 5.1, 605.1, 605.2, 3.0, 3.1, 3.1, None, None)]
    assert [round(each, 3) for each in told] == [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]
