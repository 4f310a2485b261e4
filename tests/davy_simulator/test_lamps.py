import numpy as np

from davy_simulator import lamps
from davy_simulator.places import PLACES


def series(place, index):
    return np.array([lamps.factor_of(PLACES[place], index, float(t), 7) for t in np.arange(0, 300, 0.05)])


def test_a_steady_lamp_is_steady():
    assert (series("gallery", 0) == 1).all()


def test_a_flickering_lamp_dips_now_and_then_and_never_goes_out():
    factors = series("gallery", 1)
    assert 0.02 < (factors < 1).mean() < 0.4
    assert factors.min() > 0.1


def test_a_failing_lamp_is_out_for_seconds_and_comes_back():
    factors = series("junction", 1)
    assert 0.15 < (factors == 0).mean() < 0.6
    assert (factors == 1).mean() > 0.3


def test_light_has_the_lamps_colour_and_a_unit_aim():
    light = lamps.light_of(PLACES["face"].lamps[0], 0.5)
    assert light.power == PLACES["face"].lamps[0].power * 0.5
    assert abs(sum(x * x for x in light.aim) - 1) < 1e-5
    assert light.colour[0] < light.colour[2]  # 5600 K: more red than blue
