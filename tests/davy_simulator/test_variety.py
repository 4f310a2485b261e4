import cv2
from typer.testing import CliRunner

from davy_simulator.cli import app
from davy_simulator.places import PLACES
from davy_simulator.variety import varied


def test_a_seed_gives_one_variety_of_a_place_and_another_seed_another():
    place = PLACES["gallery"]
    assert varied(place, 3) == varied(place, 3) != varied(place, 4)
    assert varied(place, 3).shape == place.shape
    assert len(varied(place, 3).lamps) == len(place.lamps)


def test_one_lamp_always_burns():
    assert all(varied(place, seed).lamps[0].power > 0 for place in PLACES.values() for seed in range(20))


def test_scenes_are_written_as_pairs_with_depth(tmp_path):
    words = ["scenes", str(tmp_path), "--seeds", "100-100", "--frames", "1", "--size", "128x96"]
    assert CliRunner().invoke(app, words).exit_code == 0
    lows, highs = (sorted(path.name for path in (tmp_path / kind).iterdir()) for kind in ("low", "high"))
    assert len(lows) == 4 and len(highs) == 8
    low, high = (cv2.imread(str(tmp_path / kind / lows[0])) for kind in ("low", "high"))
    assert low.shape == high.shape == (96, 128, 3)
    assert low.mean() < high.mean()


def test_seeds_that_judge_are_no_scenes_to_train_on(tmp_path):
    result = CliRunner().invoke(app, ["scenes", str(tmp_path), "--seeds", "499-907"])
    assert result.exit_code == 2
    assert not list(tmp_path.iterdir())
