"""The edge-keeping base: a guided filter with luma as guide, as coefficients on the block grid."""

import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics


def box3(plane: Tensor) -> Tensor:
    """Mean over 3 x 3 blocks, the border's own repeated outside. Shape of plane."""
    padded = F.pad(plane, (1, 1, 1, 1), mode="replicate")
    rows = padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]  # sums of slices: pooling is three times slower here
    return (rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9


def guided_coefficients(blocks: BlockStatistics, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Coefficients (a, b) of the base: base_c = a_c * luma + b_c, where luma is that of the full-resolution pixel.

    Where luma varies far more than the noise, a_c is the local slope of channel c over luma, which keeps edges. Where it varies
    less, a_c approaches 0 and the base is the local mean. Chroma follows luma, which removes chroma noise everywhere.

    Args:
        blocks: Block statistics, exact over the full-resolution pixels.
        noise: Standard deviation of noise in luma, (B, 1, h, w), display units in [0, 1].

    Returns:
        a, b: each (B, 3, h, w); differentiable in both arguments.

    Source: He, Sun, Tang 2013, "Guided image filtering"; He, Sun 2015, "Fast guided filter" (coefficients at low resolution).
    """
    y, rgb = box3(blocks.luma), box3(blocks.rgb)
    variance = (box3(blocks.luma_squared) - y * y).clamp_min(0)
    covariance = box3(blocks.luma_rgb) - y * rgb
    a = covariance / (variance + noise * noise)
    b = rgb - a * y
    return box3(a), box3(b)
