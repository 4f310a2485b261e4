import numpy as np
import pytest
import torch

from davy_trainer.objectives.patches import WHOLE, Box, crop_box, darkness, draw_dark, grid_boxes, resize_views


def corner_dark():
    """Bright, with a black top left quarter."""
    image = np.full((40, 60, 3), 200, np.uint8)
    image[:20, :30] = 0
    return image


def test_nine_boxes_of_half_the_picture_overlap_by_half():
    boxes = grid_boxes(3)
    assert len(boxes) == 9
    assert boxes[0] == Box(0, 0, 0.5, 0.5) and boxes[1] == Box(0, 0.25, 0.5, 0.5) and boxes[8] == Box(0.5, 0.5, 0.5, 0.5)


def test_a_box_cuts_its_share():
    assert crop_box(corner_dark(), Box(0, 0, 0.5, 0.5)).max() == 0
    assert crop_box(corner_dark(), WHOLE).shape == (40, 60, 3)


def test_darkness_is_stops_below_white():
    assert darkness(np.full((8, 8, 3), 255, np.uint8), [WHOLE])[0] == pytest.approx(0, abs=1e-6)
    assert darkness(np.full((8, 8, 3), 64, np.uint8), [WHOLE])[0] == pytest.approx(1.994, abs=1e-3)
    assert darkness(np.zeros((8, 8, 3), np.uint8), [WHOLE])[0] == pytest.approx(6.994, abs=1e-3)  # never infinite


def test_the_dark_corner_is_drawn_most_and_no_box_twice():
    boxes, rng = grid_boxes(2), np.random.default_rng(0)
    first = [draw_dark(corner_dark(), boxes, 1, 1.0, rng)[0] for _ in range(50)]
    assert first.count(0) > 40
    assert sorted(draw_dark(corner_dark(), boxes, 9, 1.0, rng)) == [0, 1, 2, 3]


def test_views_are_parts_in_the_towers_size_with_gradients():
    images = torch.rand(2, 3, 40, 60, requires_grad=True)
    seen = resize_views(images, [(0, WHOLE), (1, Box(0.5, 0.5, 0.5, 0.5))], (16, 16))
    assert seen.shape == (2, 3, 16, 16)
    seen[1].sum().backward()
    assert images.grad[0].abs().sum() == 0 and images.grad[1, :, :20].abs().sum() == 0
    assert images.grad[1, :, 20:, 30:].abs().sum() > 0
