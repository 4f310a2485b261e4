import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_trainer.data.unpaired import checksum_of_files, split_folders


@pytest.fixture
def recordings(tmp_path):
    for name in ("drill__drill_000", "drill__drill_001", "rope__a", "rope__b", "one", "two", "three", "four"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((16, 16, 3), len(name), np.uint8))
    return tmp_path


def names(paths):
    return {path.stem.split("__")[0] for path in paths}


@pytest.mark.parametrize("seed", range(5))
def test_a_recording_is_on_one_side_only(recordings, seed):
    split = split_folders([recordings], 0.3, 100, seed)
    assert not names(split.train) & names(split.held_out)
    assert len(split.train) + len(split.held_out) == 8 and split.held_out


def test_the_seed_decides_and_repeats(recordings):
    first, again = (split_folders([recordings], 0.3, 100, 1) for _ in range(2))
    assert first == again
    assert any(split_folders([recordings], 0.3, 100, seed).held_out != first.held_out for seed in range(2, 8))


def test_at_most_so_many_are_taken(recordings):
    split = split_folders([recordings], 0.3, 4, 1)
    assert len(split.train) + len(split.held_out) == 4


def test_one_picture_is_too_few(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(ConfigError, match="1 of 1 files are readable pictures, and training needs two"):
        split_folders([tmp_path], 0.2, 10, 1)


def test_an_unreadable_picture_is_on_no_side_and_named(recordings, capfd):
    (recordings / "broken.jpg").write_bytes(b"x")
    split = split_folders([recordings], 0.3, 100, 1)
    assert len(split.train) + len(split.held_out) == 8
    assert "1 unreadable picture left out: " in (errors := capfd.readouterr().err) and "broken.jpg" in errors


def test_the_checksum_sees_bytes_and_names(recordings):
    paths = sorted(recordings.iterdir())
    assert checksum_of_files(paths) == checksum_of_files(paths)
    assert checksum_of_files(paths) != checksum_of_files(paths[:-1])
