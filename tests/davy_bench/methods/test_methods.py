import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_bench.methods.methods import select_methods


def test_raw_comes_first_and_davy_last(still):
    assert list(select_methods([], still)) == ["raw", "Davy"]
    assert list(select_methods(["msrcr", "clahe", "davy"], still)) == ["raw", "CLAHE", "MSRCR", "Davy"]


def test_names_are_read_without_spaces_and_signs(still):
    assert list(select_methods(["Gamma-CLAHE", "autogamma", "gamma2.2"], still)) == [
        "raw",
        "gamma 2.2",
        "auto gamma",
        "gamma+CLAHE",
        "Davy",
    ]


def test_raw_is_the_picture_and_davy_the_still_path(still):
    image = np.random.default_rng(1).integers(0, 60, (48, 64, 3), dtype=np.uint8)
    methods = select_methods([], still)
    assert np.array_equal(methods["raw"](image), image)
    assert np.array_equal(methods["Davy"](image), still.enhance(image))


def test_an_error_about_an_unknown_method_lists_the_known_ones(still):
    with pytest.raises(ConfigError, match=r"'magic'.*CLAHE"):
        select_methods(["magic"], still)
