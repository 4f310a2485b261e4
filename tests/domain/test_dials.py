import pytest

from davy.domain.dials import NEUTRAL, Dials
from davy.domain.errors import InvalidInputError


@pytest.mark.parametrize("name", ["brightness", "local_contrast", "noise"])
@pytest.mark.parametrize("value", [-1.01, 1.01, float("nan")])
def test_a_dial_beyond_one_is_refused_by_its_name(name, value):
    with pytest.raises(InvalidInputError, match=name.replace("_", " ")):
        Dials(**{name: value})


@pytest.mark.parametrize("value", [-0.01, 2.01, float("inf")])
def test_colour_lies_between_none_and_double(value):
    with pytest.raises(InvalidInputError, match=r"colour .* outside 0 to 2"):
        Dials(colour=value)


def test_neutral_dials_change_nothing_and_can_be_compared():
    assert Dials(0, 0, 0, 1) == NEUTRAL != Dials(0.1)
