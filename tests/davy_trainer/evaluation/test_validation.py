import math

import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.evaluation.validation import enhance_with, load_pairs, load_validation, to_tensor, validate


def test_pairs_are_matched_by_name_whatever_the_ending(pairs_folder):
    (pairs_folder / "low" / "a.png").rename(pairs_folder / "low" / "a.PNG")
    cv2.imwrite(str(pairs_folder / "low" / "lonely.png"), np.zeros((20, 20, 3), np.uint8))
    pairs = load_validation(pairs_folder)
    assert [pair.name for pair in pairs] == ["a", "b"]
    assert pairs[0].low.mean() < pairs[0].reference.mean() / 4


def test_no_folder_is_no_pairs():
    assert load_validation(None) == []


def test_folders_that_share_no_name_are_an_error(pairs_folder, folder):
    with pytest.raises(ConfigError, match="no picture of"):
        load_pairs(pairs_folder / "low", folder / "coffee")


def test_pairs_of_two_sizes_are_an_error(pairs_folder):
    cv2.imwrite(str(pairs_folder / "high" / "a.png"), np.zeros((20, 20, 3), np.uint8))
    with pytest.raises(ConfigError, match="a has another size"):
        load_validation(pairs_folder)


def test_scores_are_means_and_the_sheet_is_written(pairs_folder, tmp_path):
    values = validate(IspCnn(width=8).eval(), load_validation(pairs_folder), tmp_path / "s" / "v.png")
    assert 5 < values["psnr_db"] < 20 and 0 < values["ssim"] < 1
    assert (tmp_path / "s" / "v.png").stat().st_size > 1000


def test_nothing_to_validate_on_is_no_values(tmp_path):
    assert validate(IspCnn(width=8), [], tmp_path / "v.png") == {}
    assert not (tmp_path / "v.png").exists()


def test_through_keeps_shape_and_type(pairs_folder):
    low = load_validation(pairs_folder)[0].low
    out = enhance_with(IspCnn(width=8).eval(), low)
    assert out.shape == low.shape and out.dtype == np.uint8


def test_to_tensor_is_rgb():
    x = to_tensor(np.array([[[0, 128, 255]]], np.uint8))
    assert x[0, :, 0, 0].tolist() == pytest.approx([1, 128 / 255, 0])
    assert math.isclose(x.max().item(), 1)


def test_an_unreadable_pair_is_left_out_and_named(pairs_folder, capfd):
    (pairs_folder / "high" / "a.png").write_bytes(b"x")
    assert [pair.name for pair in load_validation(pairs_folder)] == ["b"]
    assert "1 unreadable picture left out: " in (errors := capfd.readouterr().err) and "a.png" in errors


def test_pairs_of_which_none_is_readable_are_refused_with_that_reason(pairs_folder):
    for path in (pairs_folder / "low").iterdir():
        path.write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"none of the 2 pairs of .* is readable"):
        load_validation(pairs_folder)
