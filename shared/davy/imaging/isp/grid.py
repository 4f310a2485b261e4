"""A bilateral grid of log-gains, sliced by place and luma."""

import torch
import torch.nn.functional as F
from torch import Tensor


def upsample_cells(cells: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear between cell centres, clamped at the border.

    Args:
        cells: (B, C, rows, columns).
        size: (h, w) to sample at.

    Returns:
        (B, C, h, w).
    """
    return F.interpolate(cells, size=size, mode="bilinear", align_corners=False)


def slice_grid(grid: Tensor, guide: Tensor, fine: Tensor | None = None) -> Tensor:
    """Sample a grid at every place by its luma.

    Bins lie evenly in the square root of luma, so that the dark has as many as the bright.

    Args:
        grid: (B, D, rows, columns), D luma bins from black to white.
        guide: Luma, (B, 1, h, w), in [0, 1].
        fine: A grid of another resolution that is added, (B, D, fine rows, fine columns).

    Returns:
        (B, 1, h, w); differentiable in all arguments.

    Source: Chen, Paris, Durand 2007, "Real-time edge-aware image processing with the bilateral grid"; Gharbi et al. 2017,
    "Deep bilateral learning for real-time image enhancement".
    """
    size = (guide.shape[2], guide.shape[3])
    planes = upsample_cells(grid, size)  # (B, D, h, w)
    planes = planes if fine is None else planes + upsample_cells(fine, size)
    depth = grid.shape[1]
    position = guide.clamp(0, 1).add(1e-6).sqrt() * (depth - 1)  # (B, 1, h, w)
    bins = torch.arange(depth, dtype=guide.dtype, device=guide.device).view(1, depth, 1, 1)
    weights = (1 - (position - bins).abs()).clamp_min(0)  # the hat function: linear between two bins
    return (planes * weights).sum(1, keepdim=True)
