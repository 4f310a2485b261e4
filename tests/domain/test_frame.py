import numpy as np

from davy.domain.frame import Frame


def test_a_frame_says_width_before_height():
    assert Frame(np.zeros((48, 64, 3), np.uint8), captured_ns=0).size == (64, 48)
