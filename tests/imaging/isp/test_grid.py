import pytest
import torch

from davy.imaging.isp.grid import slice_grid, upsample_cells


def test_black_reads_the_first_bin_and_white_the_last():
    grid = torch.arange(8.0).view(1, 8, 1, 1).expand(1, 8, 2, 2)
    guide = torch.tensor([[0.0, 1.0]]).view(1, 1, 1, 2)
    assert slice_grid(grid, guide).flatten().tolist() == pytest.approx([0, 7], abs=0.01)


def test_bins_lie_evenly_in_the_root_of_luma():
    grid = torch.arange(9.0).view(1, 9, 1, 1).expand(1, 9, 2, 2)
    assert slice_grid(grid, torch.full((1, 1, 1, 1), 0.25)).item() == pytest.approx(4, abs=0.01)  # sqrt(0.25) * 8


def test_equal_cells_stay_equal_wherever_they_are_sampled():
    cells = torch.full((1, 2, 12, 16), 3.0)
    assert torch.allclose(upsample_cells(cells, (31, 47)), torch.full((1, 2, 31, 47), 3.0))


def test_cells_are_bilinear_between_their_centres_and_clamped_outside():
    cells = torch.tensor([0.0, 4.0]).view(1, 1, 1, 2)
    assert upsample_cells(cells, (1, 4)).flatten().tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_gradients_are_finite(level):
    grid = torch.zeros(1, 8, 12, 16, requires_grad=True)
    guide = torch.full((1, 1, 24, 32), level, requires_grad=True)
    slice_grid(grid + 1, guide).sum().backward()
    assert torch.isfinite(grid.grad).all() and torch.isfinite(guide.grad).all()
