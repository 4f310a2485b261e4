import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "enhance_camera.py"


@pytest.mark.system
def test_the_frames_of_a_stream_are_enhanced(tmp_path):
    stream = tmp_path / "camera.avi"
    writer = cv2.VideoWriter(str(stream), cv2.VideoWriter.fourcc(*"MJPG"), 5, (64, 48))
    for seed in range(5):
        writer.write(np.random.default_rng(seed).integers(0, 40, (48, 64, 3), np.uint8))
    writer.release()
    command = [sys.executable, str(EXAMPLE), str(stream), str(tmp_path / "out"), "3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out").glob("*.jpg"))) == 3
