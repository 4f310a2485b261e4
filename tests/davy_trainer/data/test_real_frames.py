import cv2
import numpy as np
import pytest
import torch

from davy.domain.errors import ConfigError
from davy_trainer.data.real_frames import SHAPE, RealFrames


def test_an_unreadable_frame_is_left_out_and_named(tmp_path, capfd):
    cv2.imwrite(str(tmp_path / "a.png"), np.full((60, 80, 3), 20, np.uint8))
    (tmp_path / "b.jpg").write_bytes(b"x")
    frames = RealFrames.load(tmp_path, torch.device("cpu"))
    assert frames.pictures.shape == (1, 3, *SHAPE)
    assert "1 unreadable picture left out: " in (told := capfd.readouterr().err) and "b.jpg" in told


def test_a_folder_without_a_readable_frame_is_refused(tmp_path):
    (tmp_path / "b.jpg").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"none of the 1 pictures in .* is readable"):
        RealFrames.load(tmp_path, torch.device("cpu"))
