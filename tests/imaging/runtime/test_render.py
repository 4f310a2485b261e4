"""The kernels beside davy.imaging.isp, with networks of random weights whose effect is far stronger than a trained one's."""

import warnings

import numpy as np
import pytest
import torch
from tests.imaging.runtime.conftest import SHARED, as_low_light, photographs

from davy.imaging.isp.blocks import block_size, block_statistics
from davy.imaging.isp.pipeline import Parameters, enhance
from davy.imaging.nets import IspCnn
from davy.imaging.nets.export import export_onnx
from davy.imaging.nets.ispcnn import thumbnail
from davy.imaging.runtime import StillEnhancer

TOLERANCE = 2  # of 255


@pytest.fixture(scope="module")
def net():
    """Random, not trained: heads a few hundred times those of a fresh network."""
    torch.set_num_threads(1)
    torch.manual_seed(3)
    net = IspCnn(width=16).eval()
    for head in (net.whole_head, net.exposure_head, net.cells[-1]):
        torch.nn.init.normal_(head.weight, std=1.5)
        torch.nn.init.normal_(head.bias, std=1.5)
    with torch.no_grad():
        net.exposure_head.bias += 9  # stops, bounded to 5.5: a dark picture shall show what is done to it
        net.cells[-1].bias[12:15] -= 4  # and no veil shall turn it black
    return net


@pytest.fixture(scope="module")
def runtime(net, tmp_path_factory):
    path = tmp_path_factory.mktemp("random") / "random.onnx"
    with warnings.catch_warnings():  # torch's own exporter calls what torch has deprecated
        warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        export_onnx(net, path)
    return StillEnhancer(path)


def by_torch(image, net, strength=1.0):
    with torch.no_grad():
        rgb = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        blocks = block_statistics(rgb, block_size(*image.shape[:2]))
        out = enhance(rgb, Parameters.from_raw(*net(thumbnail(blocks))).at_strength(strength), blocks)
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
    assert difference(runtime.enhance(image), by_torch(image, net)).max() <= TOLERANCE


def test_strength_zero_leaves_every_byte_as_it_is(runtime, picture):
    assert np.array_equal(runtime.enhance(picture, 0), picture)
