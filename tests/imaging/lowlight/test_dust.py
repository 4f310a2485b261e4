import numpy as np
import pytest

from davy.imaging.lowlight.dust import halo, transmission, veil
from davy.imaging.lowlight.lamp import Lamp


def test_transmission_follows_beer_lambert():
    passed = transmission(np.float32([[0.0, 10.0]]), 0.1)
    assert passed[0] == pytest.approx([1.0, np.exp(-1.0)])


def test_a_halo_fades_from_its_lamp_as_one_over_distance():
    lamp = Lamp((0.0, 0.0, 4.0), (0.0, 1.0, 0.0), 10.0, 4000.0, 0.0, 0.001, True)
    glow = halo(lamp, (101, 101), 0.05)[50]
    assert glow[70] == pytest.approx(2 * glow[90], rel=0.01)
    assert glow.argmax() == 50


def test_a_lamp_behind_the_camera_has_no_halo():
    lamp = Lamp((0.0, 0.0, -1.0), (0.0, 0.0, 1.0), 10.0, 4000.0, 0.0, 0.1, False)
    assert not halo(lamp, (10, 10), 0.05).any()


def test_clear_air_throws_no_veil():
    assert not veil(np.ones((4, 4), np.float32), np.ones((4, 4), np.float32)).any()
