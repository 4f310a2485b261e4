import numpy as np
import pytest

from davy.adapters.media import jpeg
from davy_bench.speed.memory import MIB, _traced, measure, measure_memory, peak_bytes, resident_bytes
from davy_bench.speed.methods import DAVY_PATHS, JPEG, VIDEO

pytestmark = pytest.mark.system

FRAMES = [np.full((48, 64, 3), value, np.uint8) for value in (20, 21, 22)]
FILES = [jpeg.encode(frame) for frame in FRAMES]


def test_resident_memory_is_measured():
    before = resident_bytes()
    block = np.ones(256 * MIB, np.uint8)
    assert resident_bytes() - before > 200 * MIB  # earlier tests of this process may give some back meanwhile
    assert peak_bytes() >= resident_bytes() >= block.nbytes


def test_peak_and_retained_memory_are_separate():
    retained = []

    def frame(index):
        _buffer = np.ones(100_000, np.uint8)
        retained.append(bytes(10_000))

    peak, per_frame = _traced(frame)
    assert 110_000 <= peak < 130_000
    assert 10_000 <= per_frame < 12_000


def test_a_jpeg_path_takes_more_than_a_path_into_a_buffer():
    video, transcoding = measure(VIDEO, FILES, None, 50), measure(JPEG, FILES, None, 50)
    assert video.frames == 50
    assert transcoding.python_bytes > video.python_bytes
    assert video.peak_mib >= video.after_mib > 0


def test_every_path_is_measured_in_a_process_of_its_own():
    ticks = []
    found = measure_memory(FRAMES, None, lambda done, total: ticks.append((done, total)), count=20)
    assert [each.path for each in found] == list(DAVY_PATHS)
    assert ticks[-1] == (4, 4)
    assert max(each.before_mib for each in found) < resident_bytes() / MIB
