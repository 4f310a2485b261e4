"""The kernels beside davy.imaging.isp, with networks of random weights whose effect is far stronger than a trained one's."""

import numpy as np
import pytest
import torch
from tests.imaging.runtime.conftest import SHARED, as_low_light, photographs

from davy.domain.dials import NEUTRAL, Dials
from davy.imaging.isp.blocks import block_size, block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets.ispcnn import thumbnail

TOLERANCE = 2  # of 255


def by_torch(image, net, strength=1.0, dials=NEUTRAL):
    with torch.no_grad():
        rgb = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        blocks = block_statistics(rgb, block_size(*image.shape[:2]))
        out = enhance(rgb, Parameters.from_raw(*net(thumbnail(blocks))).at_strength(strength), blocks, dials)
    return (out[0].permute(1, 2, 0).numpy()[:, :, ::-1] * 255).round().astype(np.uint8)


def difference(a, b):
    return np.abs(a.astype(int) - b.astype(int))


@pytest.fixture(scope="module", params=["dark", "mine"])
def picture(request):
    return as_low_light(photographs()["coffee"], request.param)


def test_the_random_effect_is_strong_enough_to_tell(runtime, picture):
    assert difference(runtime.enhance(picture), picture).mean() > 10


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_a_photograph_comes_out_as_in_torch(runtime, net, picture, strength):
    assert difference(runtime.enhance(picture, strength), by_torch(picture, net, strength)).max() <= TOLERANCE


@pytest.mark.parametrize(
    "dials",
    [
        Dials(brightness=0.7),
        Dials(local_contrast=1),
        Dials(noise=1),
        Dials(noise=-1),
        Dials(colour=0),
        Dials(colour=1.5),
        Dials(-0.5, -1, 0.3, 0.4),
    ],
    ids=str,
)
def test_dials_turn_as_in_torch(runtime, net, picture, dials):
    out = runtime.enhance(picture, 0.4, dials=dials)  # the whole effect burns out what dials would show
    assert difference(out, by_torch(picture, net, 0.4, dials)).max() <= TOLERANCE
    assert difference(out, runtime.enhance(picture, 0.4)).mean() > 0.3


def bands(image, levels=6):
    """The picture with row noise."""
    offsets = np.random.default_rng(2).normal(0, levels, (image.shape[0], 1, 1))
    return np.clip(image + offsets, 0, 255).round().astype(np.uint8)


def infrared(image):
    """A colourless picture with coloured text burnt in."""
    grey = np.repeat(image.mean(2, keepdims=True), 3, 2).astype(np.uint8)
    grey[20:30, 20:120:3] = (20, 220, 250)
    return grey


@pytest.mark.parametrize("change", [bands, infrared])
@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_row_noise_and_colourless_pictures_come_out_as_in_torch(runtime, net, picture, change, strength):
    image = change(picture)
    assert difference(runtime.enhance(image, strength), by_torch(image, net, strength)).max() <= TOLERANCE


@pytest.mark.parametrize("size", [(16, 16), (16, 300), (300, 16), (17, 31), (255, 131), (399, 599)])
def test_odd_sizes_come_out_as_in_torch(runtime, net, picture, size):
    image = np.ascontiguousarray(picture[: size[0], : size[1]])
    assert image.shape[:2] == size
    assert difference(runtime.enhance(image), by_torch(image, net)).max() <= TOLERANCE


@pytest.mark.parametrize(
    "view",
    [np.s_[::-1], np.s_[:, ::-1], np.s_[:, :, ::-1], np.s_[::2, ::3], np.s_[7:-4, 5:-6]],
    ids=["upside down", "mirrored", "RGB", "every second row", "cut out"],
)
def test_views_come_out_as_in_torch(runtime, net, picture, view):
    assert difference(runtime.enhance(picture[view]), by_torch(picture[view], net)).max() <= TOLERANCE


@pytest.mark.parametrize("folder", ["data/train/low/underground", "data/val/lol20/low"])
def test_a_real_dark_photograph_comes_out_as_in_torch(runtime, net, folder):
    from davy.adapters.media.images import decode

    path = next(iter(sorted((SHARED / folder).glob("*.[jp][pn]g"))), None)
    if path is None:
        pytest.skip(f"{SHARED / folder} is not there")
    image = decode(path.read_bytes()).pixels
    found = difference(runtime.enhance(image), by_torch(image, net))
    # The bound on this network's gains is steep and amplifies rounding; test_still has the same frames with the shipped one.
    assert (found > TOLERANCE).mean() < 5e-4 and found.max() <= 4 * TOLERANCE


def test_strength_zero_leaves_every_byte_as_it_is(runtime, picture):
    assert np.array_equal(runtime.enhance(picture, 0), picture)
