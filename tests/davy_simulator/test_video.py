import av
import cv2
import numpy as np
import pytest

from davy.domain.errors import InvalidInputError
from davy_simulator.video import write_mp4


def test_pyav_opens_what_was_written(mine, tmp_path):
    frames = [mine.render("gallery", k / 10, (320, 180)) for k in range(8)]
    assert write_mp4(tmp_path / "gallery.mp4", frames, 10.0, (320, 180)) == 8
    with av.open(str(tmp_path / "gallery.mp4")) as container:
        decoded = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
        assert container.streams.video[0].average_rate == 10
    assert len(decoded) == 8
    assert (
        np.abs(cv2.blur(decoded[3], (8, 8)).astype(int) - cv2.blur(frames[3], (8, 8))).mean() < 3
    )  # 4:2:0 halves the noise of colour


def test_an_odd_size_and_a_missing_folder_are_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="even"):
        write_mp4(tmp_path / "x.mp4", [], 10.0, (321, 180))
    with pytest.raises(InvalidInputError, match="cannot be written"):
        write_mp4(tmp_path / "absent" / "x.mp4", [np.zeros((180, 320, 3), np.uint8)], 10.0, (320, 180))
