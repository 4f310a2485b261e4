from pathlib import Path

import numpy as np
import pytest
from skimage import data

from davy.imaging.lowlight import darken, relight_as_mine
from davy.imaging.runtime import StillEnhancer

SHARED = Path(__file__).resolve().parents[4] / "shared"


@pytest.fixture(scope="session")
def still():
    return StillEnhancer()


def bgr(rgb):
    return np.ascontiguousarray(rgb[:, :, ::-1])


def photographs():
    """Well-lit ones that come with scikit-image, BGR."""
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
