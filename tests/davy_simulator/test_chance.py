import numpy as np

from davy_simulator.chance import chance, generator, mixed, wander


def test_the_same_parts_give_the_same_number_and_others_another():
    assert mixed(7, "lamp", 3) == mixed(7, "lamp", 3)
    assert len({mixed(7, "lamp", k) for k in range(1000)}) == 1000


def test_chance_is_uniform():
    values = [chance(1, k) for k in range(4000)]
    assert abs(np.mean(values) - 0.5) < 0.02
    assert 0 <= min(values) < 0.01


def test_wandering_is_smooth_and_stays_in_range():
    values = np.array([wander(t, 5) for t in np.arange(0, 50, 0.01)])
    assert np.abs(values).max() <= 1
    assert np.abs(np.diff(values)).max() < 0.04


def test_a_generator_starts_from_the_same_state_every_time():
    assert generator(1, "a").integers(1 << 30) == generator(1, "a").integers(1 << 30)
