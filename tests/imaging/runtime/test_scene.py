"""Measures of the whole picture beside their torch definition."""

import numpy as np
import pytest
import torch

from davy.imaging.isp import scene as definition
from davy.imaging.runtime.scene import colour_evidence, local_luma

RNG = np.random.default_rng(8)


def thumb(chroma):
    """Of a dark scene whose places differ in colour by so many levels, (4, 144, 192)."""
    grey = RNG.random((1, 144, 192), np.float32) * 0.3
    return np.concatenate([np.clip(grey + RNG.random((3, 144, 192), np.float32) * chroma / 255, 0, 1), grey])


@pytest.mark.parametrize("chroma", [0, 1, 2, 3, 4, 6, 20])
def test_evidence_of_colour_is_that_of_torch(chroma):
    seen = thumb(chroma)
    theirs = definition.colour_evidence(torch.from_numpy(seen[None, :3])).item()
    assert colour_evidence(seen) == pytest.approx(theirs, abs=1e-4)


def test_evidence_is_at_its_ends_for_grey_and_for_colour():
    assert colour_evidence(thumb(0)) == 0
    assert colour_evidence(thumb(20)) == 1


@pytest.mark.parametrize("size", [(12, 16), (9, 31), (72, 96)])
def test_local_luma_is_that_of_torch(size):
    seen = thumb(20)
    theirs = definition.local_luma(torch.from_numpy(seen[None, :3]), *size)[0, 0].numpy()
    assert np.abs(local_luma(seen, *size) - theirs).max() < 1e-6
