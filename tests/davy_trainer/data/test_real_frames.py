import cv2
import numpy as np
import pytest
import torch

from davy.domain.errors import ConfigError
from davy_trainer.data.real_frames import RealFrames


@pytest.fixture
def folder(tmp_path):
    for index in range(3):
        image = np.random.default_rng(index).integers(0, 60, (96, 128, 3), np.uint8)
        assert cv2.imwrite(str(tmp_path / f"{index}.png"), image)
    return tmp_path


def test_frames_come_at_one_size_with_what_the_network_sees(folder):
    frames = RealFrames.load(folder, torch.device("cpu"))
    thumb, blocks = frames.draw(2, np.random.default_rng(1))
    assert frames.pictures.shape == (3, 3, 288, 384)
    assert thumb.shape == (2, 4, 144, 192)
    assert blocks.luma.shape == (2, 1, 72, 96)
    assert frames.names[0].endswith(f"{folder.name}/0.png")


def test_the_same_numbers_draw_the_same_frames(folder):
    frames = RealFrames.load(folder, torch.device("cpu"))
    first, again = (frames.draw(4, np.random.default_rng(5))[0] for _ in range(2))
    assert torch.equal(first, again)


def test_other_files_have_another_checksum(folder):
    before = RealFrames.load(folder, torch.device("cpu")).checksum
    (folder / "2.png").unlink()
    assert RealFrames.load(folder, torch.device("cpu")).checksum != before


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ConfigError):
        RealFrames.load(tmp_path, torch.device("cpu"))


def test_an_unreadable_frame_is_left_out_and_named(folder, capfd):
    (folder / "broken.jpg").write_bytes(b"x")
    assert len(RealFrames.load(folder, torch.device("cpu")).pictures) == 3
    assert "1 unreadable picture left out: " in (errors := capfd.readouterr().err) and "broken.jpg" in errors


def test_a_folder_without_a_readable_frame_is_refused(tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"none of the 1 pictures in .* is readable"):
        RealFrames.load(tmp_path, torch.device("cpu"))
