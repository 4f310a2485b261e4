import numpy as np
import pytest
import torch
from torch import Tensor

from davy.imaging.isp.pipeline import (
    CELL_SIZE,
    FINE_COLUMNS,
    FINE_ROWS,
    FINE_SIZE,
    GLOBAL_SIZE,
    GRID_COLUMNS,
    GRID_ROWS,
    Parameters,
)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def picture(kind: str, height: int = 48, width: int = 64) -> Tensor:
    """(1, 3, H, W): "black", "white" or "random"."""
    if kind == "random":
        values = np.random.default_rng(3).random((1, 3, height, width), np.float32)
        return torch.from_numpy(values)
    return torch.full((1, 3, height, width), 1.0 if kind == "white" else 0.0)


@pytest.fixture
def raw_parameters():
    """Raw network outputs (global_params, grid_params, fine) of some size, the same every time."""
    generator = torch.Generator().manual_seed(5)

    def draw(scale: float = 1.0) -> tuple[Tensor, Tensor, Tensor]:
        shapes = (GLOBAL_SIZE,), (CELL_SIZE, GRID_ROWS, GRID_COLUMNS), (FINE_SIZE, FINE_ROWS, FINE_COLUMNS)
        global_params, grid_params, fine = (torch.randn(1, *shape, generator=generator) * scale for shape in shapes)
        return global_params, grid_params, fine

    return draw


@pytest.fixture
def parameters(raw_parameters):
    return Parameters.from_raw(*raw_parameters())


@pytest.fixture(params=["black", "white", "random"])
def image(request):
    return picture(request.param)
