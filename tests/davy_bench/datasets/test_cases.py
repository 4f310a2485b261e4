import shutil

import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError, UnreadableImageError
from davy_bench.datasets.cases import paired_cases, read, shrink_to, unpaired_cases


def test_pairs_are_those_of_the_same_name(folders):
    low, high = folders
    cases = paired_cases(low, high)
    assert [case.name for case in cases] == ["chelsea", "coffee"]
    dark, bright = cases[0].load()
    assert np.array_equal(dark, bright // 8)


def test_endings_may_differ_and_pictures_without_a_partner_are_skipped(folders):
    low, high = folders
    (high / "coffee.png").rename(high / "coffee.bmp")
    (high / "chelsea.png").unlink()
    assert [case.name for case in paired_cases(low, high)] == ["coffee"]


def test_numbers_pair_where_no_names_do(folders):
    low, high = folders
    for folder, prefix in ((low, "low"), (high, "normal")):
        shutil.move(folder / "chelsea.png", folder / f"{prefix}00690.png")
        (folder / "coffee.png").unlink()
    assert [case.name for case in paired_cases(low, high)] == ["low00690"]


def test_folders_without_a_pair_raise_an_error_with_a_remedy(folders):
    low, high = folders
    for path in list(high.iterdir()):
        path.rename(high / f"other-{path.name}")
    with pytest.raises(ConfigError, match="use the same name in both folders"):
        paired_cases(low, high)


def test_a_missing_and_an_empty_folder_raise_an_error(tmp_path):
    with pytest.raises(ConfigError, match="is not a folder"):
        unpaired_cases(tmp_path / "none")
    with pytest.raises(ConfigError, match="has no picture"):
        unpaired_cases(tmp_path)


def test_an_error_names_both_sizes_of_a_pair(folders):
    low, high = folders
    cv2.imwrite(str(high / "coffee.png"), np.zeros((80, 90, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match=r"150x100, its reference 90x80: resize one of them"):
        paired_cases(low, high)[1].load()


def test_broken_and_tiny_pictures_cannot_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((40, 90, 3), np.uint8))
    with pytest.raises(UnreadableImageError, match="broken or not a picture"):
        read(tmp_path / "a.png")
    with pytest.raises(UnreadableImageError, match="under 41 px"):
        read(tmp_path / "b.png")


def test_unpaired_cases_have_no_reference_and_their_subfolder_as_group(folders):
    low, _ = folders
    cases = unpaired_cases(low.parent)
    assert {case.group for case in cases} == {"low", "high"}
    assert cases[0].load()[1] is None


def test_a_picture_is_shrunk_and_never_enlarged():
    image = np.zeros((100, 150, 3), np.uint8)
    assert shrink_to(image, 50).shape == (50, 75, 3)
    assert shrink_to(image, 500) is image
