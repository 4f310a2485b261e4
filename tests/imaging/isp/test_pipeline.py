import dataclasses

import pytest
import torch

from davy.domain.errors import ShapeError
from davy.imaging.isp.pipeline import (
    MAX_LOG2_GAIN,
    MAX_LOG2_SATURATION,
    MAX_NOISE,
    MAX_VEIL,
    MIN_NOISE,
    Parameters,
    enhance,
)


def test_strength_zero_is_the_identity(image, parameters):
    assert torch.allclose(enhance(image, parameters.at_strength(0)), image, atol=2e-5)


def test_strength_one_is_the_whole_effect(image, parameters):
    assert torch.allclose(enhance(image, parameters.at_strength(1)), enhance(image, parameters), atol=1e-6)


def test_one_stop_of_gain_doubles_a_flat_picture(parameters):
    plain = parameters.at_strength(0)
    brighter = dataclasses.replace(plain, log2_gain=torch.ones_like(plain.log2_gain))
    out = enhance(torch.full((1, 3, 32, 48), 0.2), brighter)
    assert torch.allclose(out, torch.full_like(out, 0.4), atol=1e-4)


def test_a_veil_is_taken_off_where_it_lies(parameters):
    plain = parameters.at_strength(0)
    veil = torch.zeros_like(plain.veil)
    veil[:, 2, :, 8:] = 0.1  # blue, on the right
    out = enhance(torch.full((1, 3, 32, 48), 0.3), dataclasses.replace(plain, veil=veil))
    assert out[0, :, 16, 0].tolist() == pytest.approx([0.3, 0.3, 0.3], abs=1e-4)
    assert out[0, :, 16, -1].tolist() == pytest.approx([0.3, 0.3, 0.2], abs=1e-4)


def test_colour_of_the_light_scales_its_channel(parameters):
    plain = parameters.at_strength(0)
    colour = plain.log2_colour.clone()
    colour[:, 2] = 1.0  # blue
    out = enhance(torch.full((1, 3, 32, 48), 0.2), dataclasses.replace(plain, log2_colour=colour))
    assert out.mean((0, 2, 3)).tolist() == pytest.approx([0.2, 0.2, 0.4], abs=1e-4)


def test_saturation_moves_the_bases_colours_away_from_their_luma(parameters):
    plain = parameters.at_strength(0)
    red = torch.tensor([0.5, 0.3, 0.3]).view(1, 3, 1, 1).expand(1, 3, 32, 48).contiguous()
    all_base = dataclasses.replace(plain, keep=torch.zeros_like(plain.keep), log2_saturation=torch.ones_like(plain.keep))
    out = enhance(red, all_base)
    grey = 0.299 * 0.5 + 0.701 * 0.3
    assert out[0, 0].mean().item() == pytest.approx(2 * 0.5 - grey, abs=1e-4)


def test_keep_zero_smooths_grain_and_leaves_the_mean(parameters):
    plain = parameters.at_strength(0)
    grain = 0.5 + 0.02 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(4))
    smooth = dataclasses.replace(plain, keep=torch.zeros_like(plain.keep), noise=torch.full_like(plain.noise, MAX_NOISE))
    out = enhance(grain, smooth)
    assert out.std() < grain.std() / 3
    assert out.mean().item() == pytest.approx(0.5, abs=0.005)


@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_raw_outputs_of_any_size_are_bounded(raw_parameters, scale):
    p = Parameters.from_raw(*raw_parameters(scale))
    assert p.log2_gain.abs().max() <= MAX_LOG2_GAIN and p.log2_colour.abs().max() <= 1
    assert p.keep.min() >= 0 and p.keep.max() <= 1
    assert p.noise.min() >= MIN_NOISE * 0.999 and p.noise.max() <= MAX_NOISE * 1.001
    assert p.veil.min() >= 0 and p.veil.max() <= MAX_VEIL and p.log2_saturation.abs().max() <= MAX_LOG2_SATURATION + 1e-6
    assert (p.knots.diff(dim=1) >= 0).all()


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_output_is_in_range_and_gradients_are_finite(image, raw_parameters, scale):
    whole, cells = (raw.requires_grad_() for raw in raw_parameters(scale))
    out = enhance(image, Parameters.from_raw(whole, cells))
    assert out.shape == image.shape and out.min() >= 0 and out.max() <= 1 + 1e-6
    out.square().mean().backward()
    assert torch.isfinite(whole.grad).all() and torch.isfinite(cells.grad).all()


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (100, 37)])
def test_odd_sizes_keep_their_shape(parameters, size):
    assert enhance(torch.rand(1, 3, *size), parameters).shape == (1, 3, *size)


def test_a_picture_without_three_channels_is_refused(parameters):
    with pytest.raises(ShapeError):
        enhance(torch.zeros(1, 1, 32, 32), parameters)
