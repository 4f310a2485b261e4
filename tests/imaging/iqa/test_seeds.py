import pytest

from davy.domain.errors import ConfigError
from davy.imaging.iqa.seeds import EVALUATION_FROM, TRAINING_BELOW, check_evaluation_seeds


def test_no_seed_is_for_both():
    assert TRAINING_BELOW <= EVALUATION_FROM


def test_seeds_from_900_evaluate():
    assert check_evaluation_seeds([900, 907]) == (900, 907)


@pytest.mark.parametrize("seed", [0, 7, 499, 899])
def test_a_training_seed_raises_an_error(seed):
    with pytest.raises(ConfigError, match=f"seed {seed} may be a training seed"):
        check_evaluation_seeds([907, seed])


def test_an_empty_list_raises_an_error():
    with pytest.raises(ConfigError, match="at least one"):
        check_evaluation_seeds([])
