import numpy as np
import pytest

from davy.imaging.lowlight.lamp import (
    Lamp,
    before_the_wall,
    colour_of_temperature,
    facing,
    irradiance,
    lamp_disc,
    normals,
    project,
    unproject,
)


def bulb(**changes):
    values = {
        "position": (0.0, 0.0, 0.0),
        "aim": (0.0, 0.0, 1.0),
        "power": 1.0,
        "temperature_k": 6504.0,
        "beam_exponent": 0.0,
        "radius_m": 0.0,
        "visible": True,
    }
    return Lamp(**{**values, **changes})


def test_twice_as_far_is_a_quarter_of_the_light():
    points = np.float32([[[0, 0, 1], [0, 0, 2]]])
    near, far = irradiance(bulb(), points)[0]
    assert near == pytest.approx(4 * far)


def test_a_beam_lights_its_axis_more_than_its_side():
    points = np.float32([[[0, 0, 2], [2, 0, 0.1], [0, 0, -2]]])
    axis, side, behind = irradiance(bulb(beam_exponent=4.0), points)[0]
    assert axis > 10 * side
    assert behind == 0


def test_a_lamp_at_daylight_temperature_is_neutral_and_a_filament_is_warm():
    assert colour_of_temperature(6504.0) == pytest.approx([1, 1, 1])
    red, green, blue = colour_of_temperature(2700.0)
    assert red > green > blue


def test_projection_undoes_unprojection():
    depth = np.full((48, 64), 3.0, np.float32)
    x, y = project(tuple(unproject(depth)[10, 20]), (48, 64))
    assert (x, y) == pytest.approx((20.5, 10.5))


def test_the_glass_is_bright_where_the_lamp_stands_and_absent_where_it_is_unseen():
    disc = lamp_disc(bulb(position=(0.0, 0.0, 2.0), radius_m=0.1), (100, 100))
    assert disc[50, 50] > 0.9
    assert disc[0, 0] == 0
    assert not lamp_disc(bulb(position=(9.0, 9.0, 2.0), radius_m=0.1), (100, 100)).any()
    assert not lamp_disc(bulb(visible=False, position=(0.0, 0.0, 2.0)), (100, 100)).any()


def test_a_wall_that_faces_the_lamp_is_brightest():
    depth = np.full((24, 32), 4, np.float32)
    points = unproject(depth)
    towards = normals(points)
    assert np.allclose(towards[8:16, 8:16], (0, 0, -1), atol=0.01)
    before, beside = (facing(bulb(position=at), points, towards)[12, 16] for at in ((0.0, 0.0, 0.0), (3.9, 0.0, 3.9)))
    assert before == pytest.approx(1, abs=0.02)
    assert 0.1 <= beside < 0.15


def test_a_lamp_hangs_before_the_wall_on_its_line_of_sight():
    depth = np.full((24, 32), 4, np.float32)
    behind = bulb(position=(1.0, 0.5, 8.0), visible=True)
    moved = before_the_wall(behind, depth)
    assert moved.position[2] == pytest.approx(0.92 * 4)
    assert project(moved.position, depth.shape) == pytest.approx(project(behind.position, depth.shape))
    assert before_the_wall(bulb(position=(0.0, 0.0, 2.0)), depth).position == (0.0, 0.0, 2.0)
