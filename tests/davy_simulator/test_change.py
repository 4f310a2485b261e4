import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy.domain.ports import SourceOptions
from davy_simulator.change import USUAL, Change, parse_change
from davy_simulator.places import PLACES
from davy_simulator.world import Mine

SIZE = (320, 180)


def test_words_are_read():
    words = {"dim": "0.3", "out": "0,2", "kelvin": "2200", "dust": "3", "from": "60"}
    assert parse_change(words, PLACES["gallery"]) == (Change(0.3, (0, 2), 2200.0, 3.0), 60.0)
    assert parse_change({}, PLACES["gallery"]) == (USUAL, 0.0)


@pytest.mark.parametrize(("words", "said"), [({"dim": "x"}, "0 to 4"), ({"out": "3"}, "lamps 0 to 2"), ({"dm": "1"}, "dim, ")])
def test_wrong_words_are_told(words, said):
    with pytest.raises(ConfigError, match=said):
        parse_change(words, PLACES["gallery"])


def test_no_change_leaves_a_place_as_it_is():
    assert USUAL.of(PLACES["face"]) == PLACES["face"]


def test_half_of_the_light_is_half_of_it_for_a_camera_at_its_limit(mine):
    usual, half = (mine.render("gallery", 1.0, SIZE, change).astype(float) for change in (USUAL, Change(dim=0.5)))
    lit = (usual > 30) & (usual < 200)
    lit[:20] = False  # the text
    ratio = ((half[lit] / 255) ** 2.2).mean() / ((usual[lit] / 255) ** 2.2).mean()
    assert 0.42 < ratio < 0.6
    assert not np.array_equal(mine.truth("gallery", 1.0, SIZE), half)


def test_lamps_that_are_out_darken_and_warm_ones_redden(mine):
    usual, out, warm = (
        mine.render("conveyor", 1.0, SIZE, change)[20:].mean((0, 1))
        for change in (USUAL, Change(out=(0, 1)), Change(kelvin=1900))
    )
    assert out.mean() < 0.8 * usual.mean()
    assert warm[2] / warm[0] > 1.2 * usual[2] / usual[0]


def test_a_change_begins_at_its_time():
    mine = Mine()
    options = SourceOptions(fps=10.0, size=SIZE)
    now, later = (mine.open_source(f"simulator://gallery?dim=0.3&from={t_s}", options).read() for t_s in (0, 1000))
    assert now.pixels.mean() < 0.8 * later.pixels.mean()
