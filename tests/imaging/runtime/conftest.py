import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from skimage import data
from tests.fixtures.once import made_once

from davy.imaging.lowlight import darken, relight_as_mine
from davy.imaging.runtime import StillEnhancer

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(scope="session")
def still():
    return StillEnhancer()


def bgr(rgb):
    return np.ascontiguousarray(rgb[:, :, ::-1])


@cache
def photographs():
    """Well-lit ones that come with scikit-image, BGR; read once."""
    return {name: bgr(getattr(data, name)()) for name in ("astronaut", "chelsea", "coffee")}


def as_low_light(image, kind):
    """The picture as davy.imaging.lowlight makes it: "mine", "dark", or "lit" for as it is."""
    if kind == "lit":
        return image
    make = relight_as_mine if kind == "mine" else darken
    low = make(np.ascontiguousarray(image[:, :, ::-1], np.float32) / 255, np.random.default_rng(11))
    return bgr(np.rint(low * 255).astype(np.uint8))


@pytest.fixture(scope="session")
def dark():
    """A dark photograph, 300 x 451, BGR."""
    return as_low_light(photographs()["chelsea"], "dark")


@pytest.fixture(scope="session")
def net():
    """Random, not trained: heads a few hundred times those of a fresh network."""
    torch = pytest.importorskip("torch")
    from davy.imaging.nets import IspCnn

    torch.set_num_threads(1)
    torch.manual_seed(3)
    net = IspCnn(width=16).eval()
    for head in (net.global_head, net.exposure_head, net.grid_head[-1]):
        torch.nn.init.normal_(head.weight, std=1.5)
        torch.nn.init.normal_(head.bias, std=1.5)
    with torch.no_grad():
        net.exposure_head.bias += 9  # stops, bounded to 5.5: a dark picture shows the effect
        net.grid_head[-1].bias[12:15] -= 4  # so that no veil turns it black
        net.fine.head.weight.normal_(std=0.2)
        net.fine.head.weight[8:] /= 20
        net.fine.head.bias[:8].normal_(std=0.5)
        net.noise_head.bias += torch.tensor([0.8, 0.6])
    return net


@pytest.fixture(scope="session")
def runtime(net, tmp_path_factory):
    """The enhancer with that network."""

    def make(path):
        from davy.imaging.nets.export import export_onnx

        with warnings.catch_warnings():  # torch's own exporter calls what torch has deprecated
            warnings.filterwarnings("ignore", r".*isinstance\(treespec, LeafSpec\)", FutureWarning)
            warnings.simplefilter("ignore", DeprecationWarning)
            export_onnx(net, path)

    return StillEnhancer(made_once(tmp_path_factory, "random.onnx", make))
