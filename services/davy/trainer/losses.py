"""Losses of self-supervision, small and named."""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.isp.luminance import luma

C1, C2 = 0.01**2, 0.03**2


def charbonnier(output: Tensor, truth: Tensor) -> Tensor:
    """Smooth L1 over all pixels. Source: Charbonnier et al. 1994; Lai et al. 2017, LapSRN."""
    return ((output - truth).square() + 1e-6).sqrt().mean()


def mean_square(output: Tensor, truth: Tensor) -> Tensor:
    """What PSNR measures; per picture, as decibels are: the mean of log10 of each picture's error."""
    return (output - truth).square().mean((1, 2, 3)).add(1e-5).log10().mean()


def dissimilarity(output: Tensor, truth: Tensor) -> Tensor:
    """1 - SSIM of luma, window 7 x 7 (uniform: a box is cheap on a CPU). Source: Wang et al. 2004."""

    def smooth(x: Tensor) -> Tensor:
        # Sums of slices: pooling is slow on a CPU.
        rows = reduce(torch.add, [x[:, :, row : row - 6 or None] for row in range(7)])
        return reduce(torch.add, [rows[..., column : column - 6 or None] for column in range(7)]) / 49

    x, y = luma(output), luma(truth)
    mean_x, mean_y = smooth(x), smooth(y)
    variance_x = smooth(x * x) - mean_x**2
    variance_y = smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    similar = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (variance_x + variance_y + C2)
    )
    return 1 - similar.mean()


def colour_angle(output: Tensor, truth: Tensor) -> Tensor:
    """1 - cosine between the colours of 8 x 8 blocks: hue, whatever the brightness. Source: Wang et al. 2019, DeepUPE."""
    return 1 - F.cosine_similarity(F.avg_pool2d(output, 8) + 1e-3, F.avg_pool2d(truth, 8) + 1e-3, dim=1).mean()


def roughness(cells: Tensor) -> Tensor:
    """Mean squared step between neighbouring cells. Source: total variation, Guo et al. 2020, Zero-DCE."""
    return (cells[..., 1:, :] - cells[..., :-1, :]).square().mean() + (cells[..., 1:] - cells[..., :-1]).square().mean()


def total(output: Tensor, truth: Tensor, log2_gain: Tensor) -> dict[str, Tensor]:
    """Each term with its weight; their sum is what training minimises."""
    return {
        "charbonnier": charbonnier(output, truth),
        "decibels": 0.1 * mean_square(output, truth),
        "ssim": 0.25 * dissimilarity(output, truth),
        "colour": 0.5 * colour_angle(output, truth),
        "smooth": 0.005 * roughness(log2_gain),
    }
