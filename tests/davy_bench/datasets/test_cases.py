import shutil

import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError, UnreadableImageError
from davy_bench.datasets.cases import pairs, read, shrink_to, singles


def test_pairs_are_those_of_the_same_name(folders):
    low, high = folders
    cases = pairs(low, high)
    assert [case.name for case in cases] == ["chelsea", "coffee"]
    dark, bright = cases[0].load()
    assert np.array_equal(dark, bright // 8)


def test_endings_may_differ_and_pictures_without_a_partner_are_left_out(folders):
    low, high = folders
    (high / "coffee.png").rename(high / "coffee.bmp")
    (high / "chelsea.png").unlink()
    assert [case.name for case in pairs(low, high)] == ["coffee"]


def test_numbers_pair_where_no_names_do(folders):
    low, high = folders
    for folder, prefix in ((low, "low"), (high, "normal")):
        shutil.move(folder / "chelsea.png", folder / f"{prefix}00690.png")
        (folder / "coffee.png").unlink()
    assert [case.name for case in pairs(low, high)] == ["low00690"]


def test_folders_that_do_not_fit_are_told_what_to_do(folders):
    low, high = folders
    for path in list(high.iterdir()):
        path.rename(high / f"other-{path.name}")
    with pytest.raises(ConfigError, match="give both the same name"):
        pairs(low, high)


def test_a_missing_and_an_empty_folder_are_told(tmp_path):
    with pytest.raises(ConfigError, match="is not a folder"):
        singles(tmp_path / "none")
    with pytest.raises(ConfigError, match="holds no picture"):
        singles(tmp_path)


def test_pictures_of_other_sizes_are_told_with_both(folders):
    low, high = folders
    cv2.imwrite(str(high / "coffee.png"), np.zeros((80, 90, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match=r"150x100, its reference 90x80: bring both to the same size"):
        pairs(low, high)[1].load()


def test_broken_and_tiny_pictures_cannot_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((40, 90, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match="broken or no picture"):
        read(tmp_path / "a.png")
    with pytest.raises(UnreadableImageError, match="under 41 px"):
        read(tmp_path / "b.png")


def test_singles_have_no_reference_and_their_sub_folder_as_group(folders):
    low, _ = folders
    cases = singles(low.parent)
    assert {case.group for case in cases} == {"low", "high"}
    assert cases[0].load()[1] is None


def test_a_picture_is_shrunk_and_never_enlarged():
    image = np.zeros((100, 150, 3), np.uint8)
    assert shrink_to(image, 50).shape == (50, 75, 3)
    assert shrink_to(image, 500) is image
