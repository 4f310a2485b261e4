import cv2
import numpy as np
import pytest

from davy_bench.quality.legibility import edges_kept, find_letters
from davy_bench.quality.naturalness import brisque
from davy_bench.quality.visibility import visibility_metrics


@pytest.fixture
def titled() -> np.ndarray:
    """A dark frame (240, 640, 3) with a white line of text."""
    frame = np.random.default_rng(3).normal(30, 3, (240, 640, 3)).clip(0, 255).astype(np.uint8)
    return np.asarray(
        cv2.putText(frame, "CAM GALLERY 07:31", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, (240, 240, 240), 2), np.uint8
    )


def test_letters_are_found_where_text_is_and_nowhere_else(titled):
    letters = find_letters(titled)
    assert len(letters) >= 8
    assert all(y < 60 for _, y, _, _ in letters)
    assert find_letters(titled[80:]) == []


def test_kept_edges_are_one_and_blurred_ones_less(titled):
    blurred = cv2.GaussianBlur(titled, (0, 0), 2)
    figures = {
        name: visibility_metrics(each, titled, None, 0.0)["text"] for name, each in (("same", titled), ("blurred", blurred))
    }
    assert figures["same"] == pytest.approx(1)
    assert figures["blurred"] < 0.5


def test_frames_without_text_have_no_figure_for_it(titled):
    assert "text" not in visibility_metrics(titled[80:], titled[80:], None, 0.0)


def test_letters_at_the_border_are_measured(titled):
    grey = cv2.cvtColor(titled, cv2.COLOR_BGR2GRAY).astype(np.float32)
    assert edges_kept(grey, grey, [(0, 0, 12, 14), (630, 230, 10, 10)]) == pytest.approx(1)


def test_distortion_raises_brisque():
    x, y = np.meshgrid(np.arange(320), np.arange(240))
    scene = (110 + 60 * np.sin(x / 17) * np.cos(y / 23) + np.random.default_rng(1).normal(0, 4, (240, 320))).clip(0, 255)
    picture = cv2.cvtColor(scene.astype(np.uint8), cv2.COLOR_GRAY2BGR)
    blocks = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 3])[1], cv2.IMREAD_COLOR)
    assert brisque(blocks) > brisque(picture) + 10
