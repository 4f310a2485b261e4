"""The numpy twin of davy.imaging.isp.pipeline.Parameters."""

import numpy as np
import pytest

from davy.domain.dials import Dials
from davy.imaging.runtime.parameters import FINE_SIZE, GLOBAL_SIZE, RAW_CELL_SIZE, Parameters, resized

RNG = np.random.default_rng(4)


def raw(scale=1.0, global_params=GLOBAL_SIZE, fine=(72, 96)):
    shapes = (global_params,), (RAW_CELL_SIZE, 12, 16), (FINE_SIZE, *fine)
    return [RNG.standard_normal(shape).astype(np.float32) * scale for shape in shapes]


@pytest.mark.parametrize("dials", [Dials(), Dials(0.5, -0.4, 0.3, 1.5), Dials(-1, 1, -0.6, 0)], ids=str)
@pytest.mark.parametrize("strength", [0.0, 0.3, 1.0])
def test_bounds_strength_and_dials_agree_with_torch(strength, dials):
    torch = pytest.importorskip("torch")
    from davy.imaging.isp import pipeline

    raws, around = raw(2.0), RNG.random((12, 16), np.float32)
    ours = Parameters.from_raw(*raws, local_luma=around).at_strength(strength).with_dials(dials)
    theirs = pipeline.Parameters.from_raw(*(torch.from_numpy(part[None]) for part in raws))
    theirs = theirs.at_strength(strength).with_dials(dials, torch.from_numpy(around)[None, None])
    planes = [theirs.log2_gain, theirs.log2_colour, theirs.keep, theirs.noise, theirs.veil, theirs.log2_saturation]
    scalars = torch.cat([theirs.row_noise, theirs.chroma_noise, torch.ones(1, 1), theirs.neutral, theirs.colour], 1)
    for our, their in (
        (ours.grid_params, torch.cat(planes, 1)),
        (ours.fine_params, torch.cat([theirs.fine_log2_gain, theirs.fine_veil], 1)),
        (ours.tone_curve, theirs.tone_curve),
        (ours.scalars, scalars),
    ):
        assert np.abs(our - their[0].numpy()).max() < 1e-5


def test_without_a_fine_map_and_strengths_nothing_is_added():
    global_params, grid_params, _ = raw()
    found = Parameters.from_raw(global_params[:19], grid_params)
    assert not found.fine_params.any() and found.scalars.tolist() == [0, 0, 1, 1, 1]


def test_a_step_towards_another_model_takes_over_its_resolutions():
    flat = Parameters.from_raw(*raw()[:2])
    fine = Parameters.from_raw(*raw())
    assert np.allclose(flat.interpolate(fine, 0.5).fine_params, fine.fine_params / 2, atol=1e-6)
    assert np.allclose(fine.interpolate(flat, 1.0).fine_params, flat.fine_params, atol=1e-6)


@pytest.mark.parametrize("shape", [(36, 48), (100, 7), (2, 2)])
def test_a_map_at_another_resolution_is_torchs_bilinear_one(shape):
    torch = pytest.importorskip("torch")
    from davy.imaging.isp.grid import upsample_cells

    planes = raw()[2]
    theirs = upsample_cells(torch.from_numpy(planes[None]), shape)[0].numpy()
    assert np.abs(resized(planes, (FINE_SIZE, *shape)) - theirs).max() < 1e-4


def test_a_half_step_lies_in_the_middle():
    a, b = Parameters.from_raw(*raw()), Parameters.from_raw(*raw())
    middle = a.interpolate(b, 0.5)
    assert np.allclose(middle.grid_params, (a.grid_params + b.grid_params) / 2, atol=1e-5)


def test_the_tone_curve_rises_from_black_to_white():
    tone_curve = Parameters.from_raw(*raw(3.0)).tone_curve
    assert (np.diff(tone_curve) >= 0).all()
    assert (tone_curve[0], tone_curve[-1]) == (0, pytest.approx(1, abs=1e-6))
