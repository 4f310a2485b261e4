import numpy as np
import pytest

from davy.adapters.media import jpeg
from davy_bench.speed.memory import MIB, _traced, measure, memories, peak_bytes, resident_bytes
from davy_bench.speed.methods import JPEG, OURS, VIDEO

FRAMES = [np.full((48, 64, 3), value, np.uint8) for value in (20, 21, 22)]
FILES = [jpeg.encode(frame) for frame in FRAMES]


def test_resident_memory_is_seen():
    before = resident_bytes()
    sustained = np.ones(64 * MIB, np.uint8)
    assert resident_bytes() - before > 60 * MIB
    assert peak_bytes() >= resident_bytes() >= sustained.nbytes


def test_what_a_frame_takes_and_what_it_keeps_is_told_apart():
    kept = []

    def frame(index):
        _buffer = np.ones(100_000, np.uint8)
        kept.append(bytes(10_000))

    most, each = _traced(frame)
    assert 110_000 <= most < 130_000
    assert 10_000 <= each < 12_000


def test_a_jpeg_path_takes_more_than_a_path_into_a_buffer():
    video, whole = measure(VIDEO, FILES, None, 50), measure(JPEG, FILES, None, 50)
    assert video.frames == 50
    assert whole.python_bytes > video.python_bytes
    assert video.peak_mib >= video.after_mib > 0


@pytest.mark.system
def test_every_path_is_measured_in_a_process_of_its_own():
    ticks = []
    found = memories(FRAMES, None, lambda done, total: ticks.append((done, total)), count=20)
    assert [each.path for each in found] == list(OURS)
    assert ticks[-1] == (4, 4)
    assert max(each.before_mib for each in found) < resident_bytes() / MIB
