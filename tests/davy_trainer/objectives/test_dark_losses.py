import pytest
import torch

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.pipeline import CELL_SIZE, GLOBAL_SIZE, GRID_COLUMNS, GRID_ROWS, Parameters
from davy_trainer.objectives.dark_losses import bands, reference_free_losses, without_bands
from davy_trainer.stages.loss_weights import BaseWeights

SHAPE = (72, 96)


def parameters(log2_gain=0.0):
    """The identity, or an even gain in stops."""
    cells = torch.zeros(1, CELL_SIZE, GRID_ROWS, GRID_COLUMNS)
    cells[:, :8] = log2_gain
    cells[:, 10] = 20.0  # keep: all of it
    cells[:, 12:15] = -20.0  # no veil
    return Parameters.from_raw(torch.zeros(1, GLOBAL_SIZE), cells)


def found(chosen, blocks):
    return reference_free_losses(chosen, blocks, BaseWeights())


def losses(image, log2_gain=0.0):
    return {name: float(loss) for name, loss in found(parameters(log2_gain), block_statistics(image, 4)).items()}


def dark(colour=(0.1, 0.1, 0.1)):
    torch.manual_seed(1)
    rocks = torch.nn.functional.interpolate(torch.rand(1, 1, 24, 32), size=(288, 384), mode="bilinear") * 0.04
    return torch.tensor(colour).view(1, 3, 1, 1) + rocks


def test_lifting_the_dark_is_rewarded_and_the_lit_is_left_alone():
    assert losses(dark(), 1.5)["real_lift"] < 0.2 * losses(dark())["real_lift"]
    lit = torch.full((1, 3, 288, 384), 0.6)
    assert losses(lit)["real_lift"] == 0


def test_purple_is_a_loss_and_green_is_not():
    assert losses(dark((0.12, 0.07, 0.12)))["real_purple"] > 0.02
    assert losses(dark((0.08, 0.12, 0.08)))["real_purple"] == pytest.approx(0, abs=1e-3)


def test_a_lamp_that_burns_out_is_a_loss_and_one_that_was_burnt_out_is_not():
    disc = torch.full((1, 3, 288, 384), 0.4)
    assert losses(disc, 2.0)["real_clipped"] > 0.02
    assert losses(disc)["real_clipped"] == 0
    assert losses(torch.ones(1, 3, 288, 384))["real_clipped"] == 0


def test_bands_of_rows_and_of_columns_are_a_loss():
    offsets = torch.randn(72, generator=torch.Generator().manual_seed(2)).repeat_interleave(4) * 0.02
    rows, columns = dark() + offsets.view(1, 1, -1, 1), dark() + torch.cat([offsets, offsets[:96]]).view(1, 1, 1, -1)
    plain = losses(dark())["real_bands"]
    assert losses(rows)["real_bands"] > 1.5 * plain
    assert losses(columns)["real_bands"] > 1.5 * plain


def test_bands_are_taken_from_luma_and_lit_places_stay():
    y = torch.full((1, 1, *SHAPE), 0.1)
    y[:, :, 30] += 0.03
    y[..., 48:] = 0.7
    weight = (y < 0.3).float()
    assert bands(y, weight)[0, 0, 30, 0] == pytest.approx(0.03 * 8 / 9, rel=0.05)
    plain = without_bands(y, weight)
    assert (plain[..., :48] - 0.1).abs().max() < 0.01
    assert torch.equal(plain[..., 48:], y[..., 48:])


def test_contrast_that_is_lost_by_an_offset_is_a_loss():
    kept, flat = dark(), 0.5 * dark() + 0.1
    stats = block_statistics(kept, 4)
    keeps = float(found(parameters(1.0), stats)["real_contrast"])
    assert keeps < losses(kept)["real_contrast"] + 1e-3  # a gain keeps it
    assert losses(flat)["real_contrast"] >= 0


def test_every_loss_reaches_the_maps():
    cells = torch.zeros(1, CELL_SIZE, GRID_ROWS, GRID_COLUMNS)
    cells[:, :8] = 0.5  # stops
    cells.requires_grad_()
    picture = dark((0.12, 0.07, 0.12))
    picture[..., :96] = 0.75  # the gain burns it out
    terms = found(Parameters.from_raw(torch.zeros(1, GLOBAL_SIZE), cells), block_statistics(picture, 4))
    for name, term in terms.items():
        (gradient,) = torch.autograd.grad(term, cells, retain_graph=True)
        assert gradient.abs().sum() > 0, name
