import pytest

from davy.domain.errors import ConfigError
from davy.imaging.iqa.seeds import JUDGING_FROM, TRAINING_BELOW, check_judging_seeds


def test_no_seed_is_for_both():
    assert TRAINING_BELOW <= JUDGING_FROM


def test_seeds_from_900_on_judge():
    assert check_judging_seeds([900, 907]) == (900, 907)


@pytest.mark.parametrize("seed", [0, 7, 499, 899])
def test_a_seed_that_may_have_been_trained_on_is_refused(seed):
    with pytest.raises(ConfigError, match=f"seed {seed} may have been trained on"):
        check_judging_seeds([907, seed])


def test_no_seed_at_all_is_refused():
    with pytest.raises(ConfigError, match="at least one"):
        check_judging_seeds([])
