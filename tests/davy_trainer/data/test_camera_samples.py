import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy_trainer.data.camera_samples import find_cameras, most_diverse, select_cameras, split_by_light


@pytest.mark.parametrize("folder", ["north/face", "north--face", "north.face", "low/north.face"])
def test_a_camera_is_identified_by_its_folder(tmp_path, folder):
    path = tmp_path / folder / "0.png"
    path.parent.mkdir(parents=True)
    cv2.imwrite(str(path), np.zeros((16, 16, 3), np.uint8))
    assert list(find_cameras(tmp_path)) == ["north/face"]


def test_a_picture_of_no_camera_is_an_error(tmp_path):
    cv2.imwrite(str(tmp_path / "0.png"), np.zeros((16, 16, 3), np.uint8))
    with pytest.raises(ConfigError, match="is in no camera's folder"):
        find_cameras(tmp_path)


def test_a_drifted_camera_needs_samples():
    with pytest.raises(ConfigError, match="no samples of north/face"):
        select_cameras({}, ["north/face"])


def pictures(*levels):
    rng = np.random.default_rng(1)
    return [np.clip(rng.normal(level, 2, (48, 64, 3)), 0, 255).astype(np.uint8) for level in levels]


@pytest.mark.parametrize(
    ("levels", "first"), [((60, 61, 60, 30, 31), 3), ((60, 30), 1), ((60, 61, 60, 61), 0), ((60,), 0), ((40, 20, 20), 1)]
)
def test_the_newest_light_begins_where_it_clearly_changed(levels, first):
    assert split_by_light(pictures(*levels)) == first


def test_the_most_unlike_pictures_are_taken_the_newest_first():
    dark, half, bright = (np.full((48, 64, 3), shade, np.uint8) for shade in (10, 12, 200))
    found = most_diverse([half, bright, dark, dark], 2)
    assert found[0] is dark and found[1] is bright
    assert len(most_diverse([dark], 5)) == 1 and most_diverse([], 5) == []


def test_unreadable_samples_are_left_out_and_named(tmp_path, capfd):
    for camera in ("north/face", "north/belt"):
        (tmp_path / camera).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / camera / "0.png"), np.zeros((16, 16, 3), np.uint8))
        (tmp_path / camera / "1.png").write_bytes(b"x")
    (tmp_path / "north" / "belt" / "0.png").write_bytes(b"x")
    cameras = find_cameras(tmp_path)
    drifted, others = select_cameras(cameras, ["north/face"])
    assert len(drifted[0].read(5)) == 1 and others == []
    assert "1 unreadable picture left out: " in (errors := capfd.readouterr().err) and "1.png" in errors
    with pytest.raises(ConfigError, match="north/belt: none of its 2 samples is a readable picture"):
        cameras["north/belt"].read(5)
