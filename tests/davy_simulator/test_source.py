import threading
import time

import numpy as np
import pytest

from davy.domain.errors import CameraUnavailableError, ConfigError
from davy.domain.ports import SourceOptions
from davy_simulator.world import Mine

SIZE = (320, 180)


def test_a_frames_time_is_the_tick_it_was_rendered_for():
    mine = Mine()
    source = mine.open_source("simulator://gallery", SourceOptions(fps=7.0, size=SIZE))
    for _ in range(3):
        frame = source.read()
        t_s = mine.time_of(frame.captured_ns)
        assert abs(t_s * 7 - round(t_s * 7)) < 1e-6
        assert np.array_equal(frame.pixels, mine.render("gallery", t_s, SIZE))


@pytest.mark.alone
def test_frames_come_at_the_asked_rate_and_are_counted():
    source = Mine().open_source("simulator://face", SourceOptions(fps=20.0, size=SIZE))
    source.read()
    start = time.monotonic()
    frames = [source.read() for _ in range(10)]
    assert 0.4 < time.monotonic() - start < 0.8
    assert [frame.seq for frame in frames] == list(range(2, 12))
    assert all(0 <= time.time_ns() - frame.captured_ns < 2e9 for frame in frames)


def test_a_late_reader_skips_ticks_and_gets_the_newest():
    mine = Mine()
    source = mine.open_source("simulator://face", SourceOptions(fps=50.0, size=SIZE))
    first = source.read()
    time.sleep(0.3)
    second = source.read()
    assert second.captured_ns - first.captured_ns >= 0.28e9
    assert time.time_ns() - second.captured_ns < 0.1e9


def test_closing_ends_a_read_that_waits():
    source = Mine().open_source("simulator://junction", SourceOptions(fps=0.01, size=SIZE))
    threading.Timer(0.1, source.close).start()
    with pytest.raises(CameraUnavailableError, match="closed"):
        for _ in range(2):
            source.read()


def test_a_seed_in_the_url_gives_the_mine_of_that_seed():
    mine = Mine(seed=7)
    frame = mine.open_source("simulator://gallery?seed=9", SourceOptions(size=SIZE)).read()
    t_s = mine.time_of(frame.captured_ns)
    assert np.array_equal(frame.pixels, Mine(9, mine.epoch_ns).render("gallery", t_s, SIZE))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("simulator://galery", "gallery, face"),
        ("simulator://face?seed=x", "seed=<integer>"),
        ("simulator://face?sed=1", "seed=<integer>"),
        ("simulator://face/x", "simulator://<place>"),
        ("rtsp://face", "simulator://<place>"),
    ],
)
def test_a_wrong_url_is_refused_with_what_to_write(url, said):
    with pytest.raises(ConfigError, match=said):
        Mine().open_source(url, SourceOptions(size=SIZE))
