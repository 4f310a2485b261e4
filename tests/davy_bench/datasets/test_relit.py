import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_bench.datasets.relit import bundled_photographs, folder_photographs, relit_cases


def test_every_photograph_is_relit_by_every_seed(folders):
    cases = relit_cases(folder_photographs(folders[1]), (901, 902))
    assert [case.name for case in cases] == ["chelsea, seed 901", "chelsea, seed 902", "coffee, seed 901", "coffee, seed 902"]
    (one, reference), (two, _) = cases[0].load(), cases[1].load()
    assert one.shape == reference.shape
    assert one.mean() < reference.mean()
    assert not np.array_equal(one, two)


def test_a_photographs_lamps_do_not_depend_on_the_others(folders):
    photographs = folder_photographs(folders[1])
    alone, among = relit_cases(photographs[1:], (901,))[0], relit_cases(photographs, (901,))[1]
    assert np.array_equal(alone.load()[0], among.load()[0])


def test_the_bundled_photographs_are_colour_and_well_lit():
    for _, load in bundled_photographs():
        image = load()
        assert image.shape[2] == 3
        assert 75 < image.mean() < 130
        assert min(image.shape[:2]) >= 300


def test_a_training_seed_raises_an_error(folders):
    with pytest.raises(ConfigError, match="seed 1 may"):
        relit_cases(folder_photographs(folders[1]), (1,))


def test_an_error_about_missing_scikit_image_has_a_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"pip install '\.\[bench\]' in Davy's source folder, or give a folder"):
        bundled_photographs()
