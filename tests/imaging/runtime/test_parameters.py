"""The numpy twin of davy.imaging.isp.pipeline.Parameters."""

import numpy as np
import pytest

from davy.imaging.runtime.parameters import RAW_CELL_SIZE, Parameters

RNG = np.random.default_rng(4)


def raw(scale=1.0):
    return (
        RNG.standard_normal(19).astype(np.float32) * scale,
        RNG.standard_normal((RAW_CELL_SIZE, 12, 16)).astype(np.float32) * scale,
    )


@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_bounds_and_strength_agree_with_torch(strength):
    torch = pytest.importorskip("torch")
    from davy.imaging.isp import pipeline

    whole, cells = raw(2.0)
    ours = Parameters.from_raw(whole, cells).at_strength(strength)
    theirs = pipeline.Parameters.from_raw(torch.from_numpy(whole[None]), torch.from_numpy(cells[None])).at_strength(strength)
    planes = [theirs.log2_gain, theirs.log2_colour, theirs.keep, theirs.noise, theirs.veil, theirs.log2_saturation]
    stacked = torch.cat(planes, 1)[0].numpy()
    assert np.abs(ours.cells - stacked).max() < 1e-5
    assert np.abs(ours.knots - theirs.knots[0].numpy()).max() < 1e-5


def test_a_half_step_lies_in_the_middle():
    a, b = Parameters.from_raw(*raw()), Parameters.from_raw(*raw())
    middle = a.towards(b, 0.5)
    assert np.allclose(middle.cells, (a.cells + b.cells) / 2, atol=1e-5)


def test_the_tone_curve_rises_from_black_to_white():
    knots = Parameters.from_raw(*raw(3.0)).knots
    assert (np.diff(knots) >= 0).all()
    assert (knots[0], knots[-1]) == (0, pytest.approx(1, abs=1e-6))
