from dataclasses import replace

import pytest

from davy.domain.dials import NEUTRAL, PRESETS, Dials, dials_of
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


def test_a_dial_that_is_given_replaces_the_presets():
    assert dials_of("night IR") == PRESETS["night IR"]
    assert dials_of("night IR", colour=1.0) == replace(PRESETS["night IR"], colour=1.0)
    assert dials_of() == NEUTRAL
    assert dials_of(brightness=0.0) == NEUTRAL


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInputError, match="'day': choose from longwall dust, heading"):
        dials_of("day")


def test_presets_do_what_their_places_need():
    assert PRESETS["night IR"].colour == 0
    assert PRESETS["longwall dust"].local_contrast > 0
    assert PRESETS["heading"].brightness > 0
