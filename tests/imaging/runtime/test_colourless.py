"""Infrared night mode in a colour format: colourless pixels stay colourless, coloured text on them keeps its colour."""

import numpy as np
import pytest
from tests.imaging.runtime.conftest import as_low_light, photographs
from tests.imaging.runtime.test_yuv import as_yuv

from davy.imaging.runtime import VideoEnhancer
from davy.imaging.runtime.scene import colour_evidence

TEXT = np.s_[20:36, 30:150:2]


@pytest.fixture(scope="module")
def night():
    """A dark picture without colour, BGR."""
    grey = as_low_light(photographs()["coffee"], "dark").mean(2, keepdims=True)
    return np.repeat(grey, 3, 2).round().astype(np.uint8)


@pytest.fixture(params=["shipped", pytest.param("random", marks=pytest.mark.system)])
def enhancer(request, still):
    return still if request.param == "shipped" else request.getfixturevalue("runtime")


def chroma(image):
    return np.ptp(image.astype(int), axis=2)


@pytest.mark.parametrize("strength", [1.0, 0.3])
def test_a_colourless_picture_stays_colourless(enhancer, night, strength):
    out = enhancer.enhance(night, strength)
    assert chroma(out).max() == 0
    assert np.abs(out.astype(int) - night).mean() > 2, "and is enhanced"


def test_noise_of_a_codec_does_not_become_colour(enhancer, night):
    noise = np.random.default_rng(1).integers(-1, 2, night.shape)
    out = enhancer.enhance(np.clip(night + noise, 0, 255).astype(np.uint8))
    assert np.percentile(chroma(out), 99) <= 1


def test_coloured_text_keeps_its_colour_and_grey_beside_it_stays_grey(still, night):
    image = night.copy()
    image[TEXT] = (30, 40, 250)
    out = still.enhance(image)
    text = np.zeros(night.shape[:2], bool)
    text[TEXT] = True
    assert chroma(out)[~text].max() == 0
    blue, green, red = out[text].astype(int).T
    assert np.median(red - blue) > 60 and (red >= green).all()


@pytest.mark.parametrize("full_range", [True, False])
def test_planes_without_chroma_stay_so_in_a_video(enhancer, night, full_range):
    camera = VideoEnhancer(enhancer, every=3)
    rng = np.random.default_rng(2)
    for _ in range(7):
        noise = rng.normal(0, 2, (*night.shape[:2], 1))
        out = camera.enhance_yuv(as_yuv(np.clip(night + noise, 0, 255), full_range))
        assert (out.u == 128).all() and (out.v == 128).all()


def test_every_photograph_of_low_light_counts_as_colour(still):
    for name, image in photographs().items():
        for light in ("lit", "dark", "mine"):
            still.enhance(as_low_light(image, light))
            assert colour_evidence(still.thumb) == 1, (name, light)
