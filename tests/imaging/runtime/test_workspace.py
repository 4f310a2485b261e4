"""Block statistics and thumbnail beside their torch definition."""

import numpy as np
import pytest
import torch

from davy.imaging.isp import blocks
from davy.imaging.nets.ispcnn import THUMB_HEIGHT, THUMB_WIDTH, thumbnail
from davy.imaging.runtime.kernels import block_size
from davy.imaging.runtime.picture import bgr_picture
from davy.imaging.runtime.workspace import Workspace


def noise(height, width):
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), np.uint8)


def by_torch(image):
    torch.set_num_threads(1)
    rgb = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
    return blocks.block_statistics(rgb, blocks.block_size(*image.shape[:2]))


def test_blocks_have_the_size_that_torch_gives_them():
    sides = [*range(16, 1100, 7), 1279, 1280, 1920, 2160, 3840, 4000, 8000]
    pairs = [(side, other) for side in sides for other in (16, 767, 768, side, 2 * side)]
    assert [block_size(*pair) for pair in pairs] == [blocks.block_size(*pair) for pair in pairs]


@pytest.mark.parametrize("size", [(16, 16), (16, 300), (17, 31), (101, 67), (640, 1281), (900, 1400), (1300, 1290)])
def test_block_statistics_are_those_of_torch(size):
    image = noise(*size)
    space, expected = Workspace(*size), by_torch(image)
    space.measure(bgr_picture(image))
    stacked = torch.cat([expected.rgb, expected.luma_rgb], 1)[0].numpy()
    assert space.stats.shape == stacked.shape
    assert np.abs(space.stats - stacked).max() < 1e-5


@pytest.mark.parametrize("size", [(16, 16), (16, 300), (300, 16), (97, 333), (480, 641)])
def test_the_thumbnail_is_that_of_torch(size):
    image = noise(*size)
    space, out = Workspace(*size), np.empty((4, THUMB_HEIGHT, THUMB_WIDTH), np.float32)
    space.measure(bgr_picture(image))
    space.thumbnail(out)
    expected = thumbnail(by_torch(image))[0].numpy()
    assert np.abs(out[:3] - expected[:3]).max() < 1e-5
    assert np.abs(out[3] ** 2 - expected[3] ** 2).max() < 1e-6  # the root of a variance near 0 magnifies the last bit


def test_one_white_pixel_is_a_quarter_of_its_block():
    image = np.zeros((540, 540, 3), np.uint8)  # blocks of 2 x 2
    image[0, 0] = 255
    space = Workspace(540, 540)
    space.measure(bgr_picture(image))
    assert space.stats[:, 0, 0].tolist() == pytest.approx([0.25] * 6, abs=1e-6)
    assert not space.stats[:, 1:].any() and not space.stats[:, 0, 1:].any()


def test_the_coarse_picture_is_the_mean_luma_of_eighths():
    image = np.zeros((160, 320, 3), np.uint8)
    image[:20, :40] = 255
    space = Workspace(160, 320)
    space.measure(bgr_picture(image))
    assert space.coarse_luma()[0, 0] == pytest.approx(1) and space.coarse_luma().sum() == pytest.approx(1)
