import dataclasses

import pytest
import torch
from torch import Tensor

from davy.domain.dials import Dials
from davy.domain.errors import ShapeError
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.pipeline import (
    COLOUR_TONE_SIZE,
    MAX_LOG2_FINE_GAIN,
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


def test_what_was_lifted_gets_local_contrast_and_nothing_else(parameters):
    plain = parameters.at_strength(0)
    picture = torch.full((1, 3, 96, 128), 0.1)
    picture[..., 40:44] = 0.15
    assert torch.allclose(enhance(picture, plain, dials=Dials()), picture, atol=2e-5), "nothing was lifted"
    lifted = dataclasses.replace(plain, log2_gain=torch.ones_like(plain.log2_gain))
    spread = [enhance(picture, lifted, dials=dials)[..., 36:48].std() for dials in (None, Dials())]
    assert spread[1] > 1.15 * spread[0]
    white = torch.ones(1, 3, 96, 128)
    assert torch.allclose(enhance(white, lifted, dials=Dials()), enhance(white, lifted), atol=1e-5), "white is not clipped"


def test_strength_one_is_the_whole_effect(image, parameters):
    assert torch.allclose(enhance(image, parameters.at_strength(1)), enhance(image, parameters), atol=1e-6)


def test_one_stop_of_gain_doubles_a_flat_picture(parameters):
    plain = parameters.at_strength(0)
    brighter = dataclasses.replace(plain, log2_gain=torch.ones_like(plain.log2_gain))
    out = enhance(torch.full((1, 3, 32, 48), 0.2), brighter)
    assert torch.allclose(out, torch.full_like(out, 0.4), atol=1e-4)


def flat(*rgb: float) -> Tensor:
    return torch.tensor(rgb).view(1, 3, 1, 1).expand(1, 3, 32, 48).contiguous()


def test_a_veil_is_taken_off_where_it_lies(parameters):
    plain = parameters.at_strength(0)
    veil = torch.zeros_like(plain.veil)
    veil[:, 2, :, 8:] = 0.1  # blue, on the right
    out = enhance(flat(0.3, 0.3, 0.34), dataclasses.replace(plain, veil=veil))
    assert out[0, :, 16, 0].tolist() == pytest.approx([0.3, 0.3, 0.34], abs=1e-4)
    assert out[0, :, 16, -1].tolist() == pytest.approx([0.3, 0.3, 0.24], abs=1e-4)


def test_colour_of_the_light_scales_its_channel(parameters):
    plain = parameters.at_strength(0)
    colour = plain.log2_colour.clone()
    colour[:, 2] = 1.0  # blue
    out = enhance(flat(0.2, 0.2, 0.22), dataclasses.replace(plain, log2_colour=colour))
    assert out.mean((0, 2, 3)).tolist() == pytest.approx([0.2, 0.2, 0.44], abs=1e-4)


def test_a_fine_map_adds_to_the_coarse_one(parameters):
    plain = parameters.at_strength(0)
    fine = torch.zeros_like(plain.fine_log2_gain)
    fine[:, :, :, fine.shape[3] // 2 :] = 1.0
    out = enhance(torch.full((1, 3, 96, 192), 0.2), dataclasses.replace(plain, fine_log2_gain=fine))
    assert out[0, 0, 48, 0].item() == pytest.approx(0.2, abs=1e-4)
    assert out[0, 0, 48, -1].item() == pytest.approx(0.4, abs=1e-4)
    between = (out[0, 0, 48] > 0.21) & (out[0, 0, 48] < 0.39)
    assert between.sum() <= 3, "of 192 columns: the map has 96, a coarse cell would take 12"


def test_networks_without_a_fine_map_and_without_strengths_get_the_same_picture(image, raw_parameters):
    global_params, grid_params, fine = raw_parameters()
    old = Parameters.from_raw(global_params[:, :COLOUR_TONE_SIZE], grid_params)
    new = Parameters.from_raw(
        torch.cat([global_params[:, :COLOUR_TONE_SIZE], torch.zeros(1, 2)], 1), grid_params, torch.zeros_like(fine)
    )
    assert torch.equal(enhance(image, old), enhance(image, new))


def test_strengths_below_zero_are_zero_and_can_grow(raw_parameters):
    global_params, grid_params, _ = raw_parameters()
    global_params[:, COLOUR_TONE_SIZE:] = -0.5
    global_params.requires_grad_()
    parameters = Parameters.from_raw(global_params, grid_params)
    assert parameters.row_noise.item() == 0 and parameters.chroma_noise.item() == 0
    (-parameters.row_noise - parameters.chroma_noise).sum().backward()  # a descent step makes them larger
    assert global_params.grad[0, COLOUR_TONE_SIZE:].tolist() == [-1, -1]


@pytest.mark.parametrize(("raw", "pull", "moves"), [(3.0, -1, False), (3.0, 1, True), (-2.0, 1, False), (-2.0, -1, True)])
def test_a_strength_beyond_its_range_is_not_driven_further_away(raw_parameters, raw, pull, moves):
    global_params, grid_params, _ = raw_parameters()
    global_params[:, COLOUR_TONE_SIZE:] = raw
    global_params.requires_grad_()
    parameters = Parameters.from_raw(global_params, grid_params)
    (pull * (parameters.row_noise + parameters.chroma_noise)).sum().backward()
    assert global_params.grad[0, COLOUR_TONE_SIZE:].bool().tolist() == [moves, moves]


def grey(values: Tensor) -> Tensor:
    return values.expand(1, 3, -1, -1).contiguous()


def test_a_colourless_picture_stays_colourless(raw_parameters):
    noise = grey(torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(1)) * 0.3)
    out = enhance(noise, Parameters.from_raw(*raw_parameters(2.0)))
    assert (out.amax(1) - out.amin(1)).max() < 1e-5
    assert (out - noise).abs().mean() > 0.01, "it is enhanced"


def test_codec_noise_of_a_colourless_picture_goes(raw_parameters):
    generator = torch.Generator().manual_seed(2)
    picture = grey(torch.rand(1, 1, 96, 128, generator=generator) * 0.3)
    picture += torch.randint(-1, 2, (1, 3, 96, 128), generator=generator) / 255
    out = enhance(picture.clamp(0, 1), Parameters.from_raw(*raw_parameters(2.0)))
    assert (out.amax(1) - out.amin(1)).max() < 1 / 255


def test_coloured_text_in_a_colourless_picture_keeps_its_colour_and_grey_beside_it_stays_grey(parameters):
    picture = grey(torch.rand(1, 1, 96, 128, generator=torch.Generator().manual_seed(3)) * 0.2)
    text = torch.zeros(96, 128, dtype=torch.bool)
    text[8:16, 10:70:3] = True
    picture[0, :, text] = torch.tensor([0.6, 0.5, 0.05])[:, None]
    out = enhance(picture, dataclasses.replace(parameters, tone_curve=torch.linspace(0, 1, 17)[None]))
    chroma = (out.amax(1) - out.amin(1))[0]
    assert chroma[~text].max() < 1e-5
    assert (out[0, 0, text] > out[0, 2, text]).all() and chroma[text].mean() > 0.3


def test_a_colour_picture_shows_the_colour_of_the_light_whole(parameters):
    plain = parameters.at_strength(0)
    light = torch.zeros_like(plain.log2_colour)
    light[:, 0] = 0.5
    out = enhance(flat(0.2, 0.22, 0.25), dataclasses.replace(plain, log2_colour=light))
    assert out[0, 0].mean().item() == pytest.approx(0.2 * 2**0.5, abs=1e-4)


def test_chroma_noise_goes_where_there_is_no_colour_and_colour_stays(parameters):
    plain = parameters.at_strength(0)
    generator = torch.Generator().manual_seed(4)
    picture = flat(0.12, 0.12, 0.12).repeat(1, 1, 3, 3) + 0.03 * torch.randn(1, 3, 96, 144, generator=generator)
    picture[:, :, :, 72:] += torch.tensor([0.15, 0.0, -0.05]).view(1, 3, 1, 1)
    picture = picture.clamp(0, 1)
    noise = torch.full_like(plain.noise, 0.05)
    strengths = [torch.full_like(plain.chroma_noise, strength) for strength in (0.0, 1.0)]
    before, after = (enhance(picture, dataclasses.replace(plain, noise=noise, chroma_noise=s)) for s in strengths)
    spread = [(out[:, 0] - out[:, 2])[..., :64].std().item() for out in (before, after)]
    assert spread[1] < 0.4 * spread[0]
    colour = [(out[:, 0] - out[:, 2])[..., 80:].mean().item() for out in (before, after)]
    assert colour[1] == pytest.approx(colour[0], rel=0.1)


def test_row_bands_of_a_dark_flat_picture_fall_below_half(parameters):
    plain = parameters.at_strength(0)
    rows = 0.008 * torch.randn(1, 1, 96, 1, generator=torch.Generator().manual_seed(5))
    picture = (flat(0.06, 0.05, 0.08).repeat(1, 1, 3, 3) + rows).clamp(0, 1)
    out = enhance(picture, dataclasses.replace(plain, row_noise=torch.ones_like(plain.row_noise)))
    assert out.mean(3).std(2).mean() < 0.5 * picture.mean(3).std(2).mean()
    assert out.mean().item() == pytest.approx(picture.mean().item(), abs=1e-3)


def test_a_dial_of_brightness_keeps_black_and_white(parameters):
    plain = parameters.at_strength(0)
    for level, expected in ((0.0, 0.0), (0.25, 0.5), (1.0, 1.0)):
        out = enhance(torch.full((1, 3, 32, 48), level), plain, dials=Dials(brightness=1))
        assert torch.allclose(out, torch.full_like(out, expected), atol=1e-4)


def test_a_dial_of_colour_makes_monochrome_at_zero_and_leaves_luma(parameters):
    red = flat(0.5, 0.3, 0.25)
    out = enhance(red, parameters, dials=Dials(colour=0))
    assert (out.amax(1) - out.amin(1)).max() < 1e-5
    same = enhance(red, parameters.at_strength(0), dials=Dials(colour=0))
    assert same.mean().item() == pytest.approx(luma(red).mean().item(), abs=1e-4)


def test_a_dial_of_local_contrast_parts_what_lies_about_its_surroundings(parameters):
    picture = torch.full((1, 3, 96, 128), 0.2)
    picture[..., 40:44] = 0.3
    spread = [
        enhance(picture, parameters.at_strength(0), dials=Dials(local_contrast=dial))[..., 36:48].std() for dial in (-1, 0, 1)
    ]
    assert spread[0] < 0.9 * spread[1] and spread[2] > 1.1 * spread[1]


def test_a_dial_of_noise_smooths_grain_or_keeps_it(parameters):
    plain = parameters.at_strength(0)
    half = dataclasses.replace(plain, keep=torch.full_like(plain.keep, 0.5), noise=torch.full_like(plain.noise, 0.05))
    grain = 0.3 + 0.02 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(6))
    spread = [enhance(grain, half, dials=Dials(noise=dial)).std() for dial in (-1, 0, 1)]
    assert spread[0] > spread[1] > spread[2]


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
    assert (p.tone_curve.diff(dim=1) >= 0).all()
    assert p.fine_log2_gain.abs().max() <= MAX_LOG2_FINE_GAIN and p.fine_veil.abs().max() <= MAX_VEIL
    assert all(0 <= strength.item() <= 1 for strength in (p.row_noise, p.chroma_noise))


@pytest.mark.parametrize("scale", [1.0, 30.0])
def test_the_output_is_in_range_and_gradients_are_finite(image, raw_parameters, scale):
    raws = [raw.requires_grad_() for raw in raw_parameters(scale)]
    out = enhance(image, Parameters.from_raw(*raws))
    assert out.shape == image.shape and out.min() >= 0 and out.max() <= 1 + 1e-6
    out.square().mean().backward()
    assert all(torch.isfinite(raw.grad).all() for raw in raws)


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (100, 37)])
def test_odd_sizes_keep_their_shape(parameters, size):
    assert enhance(torch.rand(1, 3, *size), parameters).shape == (1, 3, *size)


def test_a_picture_without_three_channels_is_refused(parameters):
    with pytest.raises(ShapeError):
        enhance(torch.zeros(1, 1, 32, 32), parameters)
