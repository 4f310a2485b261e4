import pytest
import torch

from davy.imaging.isp.blocks import block_size, block_statistics
from davy.imaging.isp.pipeline import (
    CELL_SIZE,
    COLOUR_TONE_SIZE,
    FINE_COLUMNS,
    FINE_ROWS,
    FINE_SIZE,
    GLOBAL_SIZE,
    GRID_COLUMNS,
    GRID_ROWS,
)
from davy.imaging.nets import IspCnn
from davy.imaging.nets.ispcnn import HISTOGRAM_BINS, THUMB_HEIGHT, THUMB_WIDTH, histogram, thumbnail


@pytest.fixture
def net():
    torch.manual_seed(0)
    return IspCnn()


def thumb(value: float, batch: int = 1) -> torch.Tensor:
    return torch.full((batch, 4, THUMB_HEIGHT, THUMB_WIDTH), value)


def test_it_has_under_120_000_parameters(net):
    assert sum(p.numel() for p in net.parameters()) < 120_000


def test_outputs_have_the_sizes_that_the_pipeline_wants(net):
    global_params, grid_params, fine = net(thumb(0.3, batch=2))
    assert global_params.shape == (2, GLOBAL_SIZE)
    assert grid_params.shape == (2, CELL_SIZE, GRID_ROWS, GRID_COLUMNS)
    assert fine.shape == (2, FINE_SIZE, FINE_ROWS, FINE_COLUMNS)


def test_a_fresh_network_is_near_the_identity(net):
    global_params, grid_params, fine = net(thumb(0.3))
    assert global_params.abs().max() < 0.1 and grid_params.abs().max() < 0.1
    assert not fine.any() and not global_params[:, COLOUR_TONE_SIZE:].any()


def test_the_fine_map_sees_what_a_coarse_cell_does_not(net):
    torch.nn.init.normal_(net.fine.head.weight, std=0.1)
    picture = torch.full((1, 4, THUMB_HEIGHT, THUMB_WIDTH), 0.2)
    picture[:, :3, 72:74, 96:98] = 0.8  # one place of the fine map
    change = (net(picture)[2] - net(thumb(0.2))[2]).abs().mean(1)[0]
    assert change[36, 48] > 4 * change[30:43, 42:55].median()


@pytest.mark.parametrize("value", [0.0, 0.02, 1.0])
def test_gradients_are_finite(net, value):
    x = thumb(value).requires_grad_()
    global_params, grid_params, fine = net(x)
    (global_params.square().sum() + grid_params.square().sum() + (fine + 1).square().sum()).backward()
    assert torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize("size", [(16, 16), (37, 100), (480, 640)])
def test_any_picture_makes_a_thumbnail_of_one_size(size):
    image = torch.full((1, 3, *size), 0.25)
    seen = thumbnail(block_statistics(image, block_size(*size)))
    assert seen.shape == (1, 4, THUMB_HEIGHT, THUMB_WIDTH)
    assert torch.allclose(seen[:, :3], torch.tensor(0.25)) and seen[:, 3].max() < 2e-3


def test_the_histogram_of_one_level_lies_in_its_bin():
    level = (6 / (HISTOGRAM_BINS - 1)) ** 2  # bins lie evenly in the root
    shares = histogram(torch.full((1, 1, 9, 9), level))[0]
    assert shares.argmax() == 6 and shares[6].item() == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize("level", [0.0, 0.1, 1.0])
def test_the_histograms_shares_sum_to_four(level):
    grain = torch.rand(2, 1, 30, 30, generator=torch.Generator().manual_seed(6)) * level
    assert histogram(grain).sum(1).tolist() == pytest.approx([4, 4], rel=1e-3)
