import numpy as np
import pytest

from davy.domain.errors import InvalidIdError
from davy.domain.frame import CameraId, Frame


def test_a_camera_id_reads_back_what_it_prints():
    camera = CameraId("demo", "north", "face-1")
    assert CameraId.parse(str(camera)) == camera


@pytest.mark.parametrize("bad", ["", "Face", "a/b", "a.b", "+", "#", "x" * 65, "grüße"])
def test_an_id_outside_the_alphabet_is_refused(bad):
    with pytest.raises(InvalidIdError, match="use 1 to 64 of a-z, 0-9 and '-'"):
        CameraId("demo", "north", bad)


def test_a_frame_says_width_before_height():
    assert Frame(np.zeros((48, 64, 3), np.uint8), captured_ns=0).size == (64, 48)
