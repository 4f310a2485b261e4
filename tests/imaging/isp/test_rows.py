import pytest
import torch

from davy.imaging.isp.rows import MAX_OFFSET, row_offsets


def test_the_offset_of_one_row_of_a_flat_dark_picture_is_found():
    y = torch.full((1, 1, 40, 200), 0.05)
    y[:, :, 20] += 0.004
    found = row_offsets(y)[0, 0, :, 0]
    assert found.shape == (40,)
    assert found[20].item() == pytest.approx(0.004 * 4 / 5, rel=0.05)  # less its share of five rows
    assert found[:18].abs().max() < 1e-6 and found[18].item() < 0


@pytest.mark.parametrize("level", [0.3, 1.0])
def test_a_bright_picture_has_no_row_noise(level):
    y = torch.full((1, 1, 20, 30), level)
    y[:, :, 10] -= 0.01
    assert not row_offsets(y).any()


def test_an_edge_is_structure_and_no_noise():
    y = torch.full((1, 1, 20, 30), 0.02)
    y[:, :, 10:] = 0.2
    assert row_offsets(y).abs().max() < 1e-6


def test_a_man_in_a_row_does_not_shift_it():
    y = torch.full((1, 1, 40, 100), 0.05)
    y[:, :, 10:12, 40:50] = 0.2
    assert row_offsets(y).abs().max() < 5e-4


@pytest.mark.parametrize("height", [1, 2, 5])
def test_few_rows_are_enough_and_offsets_are_bounded(height):
    y = torch.rand(1, 1, height, 16, generator=torch.Generator().manual_seed(1))
    assert row_offsets(y).abs().max() <= MAX_OFFSET


def test_gradients_are_finite_on_black():
    y = torch.zeros(1, 1, 8, 16, requires_grad=True)
    row_offsets(y).sum().backward()
    assert torch.isfinite(y.grad).all()
