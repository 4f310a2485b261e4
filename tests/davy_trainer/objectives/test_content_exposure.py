"""What a scene shows tells how bright it should be."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from davy.imaging.clip import load_clip
from davy_trainer.objectives.content_exposure import content_exposure

pytestmark = pytest.mark.system


def striped(level, across, seed):
    """Stripes of one direction, with grain, of one brightness: content and brightness go together."""
    rng = np.random.default_rng(seed)
    wave = 1 + 0.5 * np.sign(np.sin(np.arange(96) / rng.uniform(2, 3)))
    plane = np.broadcast_to(wave if across else wave[:, None], (96, 96)) * level
    return np.repeat(np.clip(plane + rng.normal(0, 2, plane.shape), 0, 255).astype(np.uint8)[:, :, None], 3, 2)


@pytest.fixture(scope="module")
def clip():
    return load_clip("davy:random:3")


def test_content_tells_the_brightness_whatever_the_light(groups, clip):
    bright = [striped(140, across=True, seed=k) for k in range(8)]
    dim = [striped(40, across=False, seed=k) for k in range(8, 16)]
    calls = []
    target = content_exposure(clip, [replace(groups[0], pictures=bright + dim)], 1, lambda *at: calls.append(at))
    assert calls[-1] == (16, 16)
    dark = (
        np.stack([striped(140, True, 30) * 0.1, striped(40, False, 31) * 0.35]).astype(np.float32) / 255
    )  # as dark as each other
    wanted = target(torch.from_numpy(dark).permute(0, 3, 1, 2), ["", ""])
    assert wanted[0] > 1.2 * wanted[1]  # the ridge is shy with sixteen pictures and random towers


def test_a_group_of_the_same_name_counts_more(groups, clip):
    one = replace(groups[0], name="gallery", pictures=[striped(150, True, k) for k in range(4)])
    other = replace(groups[0], name="face", pictures=[striped(50, True, k) for k in range(4)])
    target = content_exposure(clip, [one, other], 1, lambda *_: None)
    low = torch.from_numpy(striped(15, True, 9)).permute(2, 0, 1)[None].expand(3, -1, -1, -1) / 255
    gallery, anywhere, face = target(low, ["gallery", "somewhere", "face"]).tolist()
    assert gallery > anywhere > face
