import math

import numpy as np
import pytest

from davy_simulator.miners import bodies_of, cap_lamp, miners_at
from davy_simulator.places import PLACES


def track(place, index, times):
    miners = [miners_at(PLACES[place], float(t), 7)[index] for t in times]
    return np.array([(m.x, m.z) for m in miners])


def test_a_walking_miner_moves_at_its_speed_and_never_jumps():
    steps = np.diff(track("gallery", 0, np.arange(0, 120, 0.1)), axis=0)
    speed = np.hypot(*steps.T) / 0.1
    assert speed.max() < 1.3
    assert np.median(speed) == pytest.approx(1.25, abs=0.02)


def test_a_miner_turns_round_and_comes_back():
    z = track("gallery", 0, np.arange(0, 120, 0.5))[:, 1]
    assert z.max() - z.min() > 20
    assert (np.diff(z) > 0).any()
    assert (np.diff(z) < 0).any()


def test_a_miner_looks_where_it_goes():
    for t in np.arange(0, 60, 0.5):
        before, after = (miners_at(PLACES["junction"], float(t + d), 7)[0] for d in (0, 0.05))
        way = np.array([after.x - before.x, after.z - before.z])
        if np.hypot(*way) > 0.04:
            assert way @ (math.sin(after.heading), math.cos(after.heading)) > 0.9 * np.hypot(*way)


def test_the_cap_lamp_is_on_the_head_and_shines_ahead():
    miner = miners_at(PLACES["conveyor"], 8.0, 7)[0]
    lamp = cap_lamp(miner)
    assert math.hypot(lamp.position[0] - miner.x, lamp.position[2] - miner.z) < 0.2
    assert 1.6 < lamp.position[1] < 1.9
    assert lamp.aim[1] < 0
    yaw = miner.heading + miner.head_turn
    assert lamp.aim[0] * math.sin(yaw) + lamp.aim[2] * math.cos(yaw) > 0.9


def test_a_body_stands_on_the_floor_and_is_as_tall_as_a_person():
    bodies = bodies_of(miners_at(PLACES["face"], 1.0, 7)[1], (0.0, 2.0, 0.0))
    low = min(min(b.a[1], b.b[1]) - b.radius for b in bodies)
    high = max(max(b.a[1], b.b[1]) + b.radius for b in bodies)
    assert -0.05 < low < 0.05
    assert 1.75 < high < 1.95
