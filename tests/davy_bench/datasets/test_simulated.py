import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_bench.datasets.simulated import mine_cases


def test_every_place_of_every_seed_gives_so_many_pairs():
    cases = mine_cases((907, 911), 2, (160, 96))
    assert len(cases) == 2 * 4 * 2
    assert {case.group for case in cases} == {"gallery", "face", "conveyor", "junction"}


def test_pairs_are_dark_and_bright_and_always_the_same():
    low, reference = mine_cases((907,), 1, (160, 96))[0].load()
    assert low.shape == reference.shape == (96, 160, 3)
    assert low.mean() < 0.6 * reference.mean()
    assert np.array_equal(mine_cases((907,), 1, (160, 96))[0].load()[0], low)


def test_a_training_seed_raises_an_error():
    with pytest.raises(ConfigError, match="seed 7 may"):
        mine_cases((7,), 1, (160, 96))
