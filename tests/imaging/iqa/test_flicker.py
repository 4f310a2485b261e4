import numpy as np
import pytest

from davy.domain.errors import InvalidInputError
from davy.imaging.iqa import flicker
from davy.imaging.iqa.flicker import fitting_gain


def video(*levels):
    return [np.full((4, 4, 3), level, np.uint8) for level in levels]


def test_a_steady_video_does_not_flicker():
    assert flicker(video(80, 80, 80)) == pytest.approx(0)


def test_two_levels_flicker_by_half_their_difference():
    assert flicker(video(80, 90, 80, 90)) == pytest.approx(5)


def test_what_the_input_does_too_is_no_fault_whatever_the_gain():
    assert flicker(video(80, 120, 80), video(20, 30, 20)) == pytest.approx(0, abs=1e-9)


def test_no_frames_and_unequal_lengths_are_refused():
    with pytest.raises(InvalidInputError, match="at least one"):
        flicker([])
    with pytest.raises(InvalidInputError, match="2 frames"):
        flicker(video(1), video(1, 2))


def test_the_fitting_gain_of_a_video_half_as_bright_is_two():
    assert fitting_gain(np.array([10.0, 20.0]), np.array([20.0, 40.0])) == pytest.approx(2)
    assert fitting_gain(np.zeros(2), np.ones(2)) == 0
