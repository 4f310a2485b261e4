"""Losses of self-supervision."""

from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.luminance import luma
from davy_trainer.objectives.weighted import weighted
from davy_trainer.stages.loss_weights import SelfSupervisedWeights

NO_COLOUR = 0.02  # display units: a colour of 5 of 255 is not seen
C1, C2 = 0.01**2, 0.03**2


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """Smooth L1 over all pixels. Source: Charbonnier et al. 1994; Lai et al. 2017, LapSRN."""
    return ((output - target).square() + 1e-6).sqrt().mean()


def log_mse(output: Tensor, target: Tensor) -> Tensor:
    """log10 of each picture's mean squared error, mean over the pictures: PSNR as a loss."""
    return (output - target).square().mean((1, 2, 3)).add(1e-5).log10().mean()


def unevenness(output: Tensor, target: Tensor) -> Tensor:
    """log_mse of the means of 16 x 16 px blocks: the distribution of light, without detail.

    Local contrast dominates all other terms: without this one the network brightens a mine and leaves it uneven.
    """
    return log_mse(F.avg_pool2d(output, 16), F.avg_pool2d(target, 16))


def dssim_loss(output: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM of luma, window 7 x 7 (uniform: a box is cheap on a CPU). Source: Wang et al. 2004."""

    def smooth(x: Tensor) -> Tensor:
        # Sums of slices: pooling is slow on a CPU.
        rows = reduce(torch.add, [x[:, :, row : row - 6 or None] for row in range(7)])
        return reduce(torch.add, [rows[..., column : column - 6 or None] for column in range(7)]) / 49

    x, y = luma(output), luma(target)
    mean_x, mean_y = smooth(x), smooth(y)
    variance_x = smooth(x * x) - mean_x**2
    variance_y = smooth(y * y) - mean_y**2
    covariance = smooth(x * y) - mean_x * mean_y
    similar = ((2 * mean_x * mean_y + C1) * (2 * covariance + C2)) / (
        (mean_x**2 + mean_y**2 + C1) * (variance_x + variance_y + C2)
    )
    return 1 - similar.mean()


def vif_loss(output: Tensor, target: Tensor) -> Tensor:
    """1 - VIF of luma in the pixel domain, on a sample of its windows: exact VIF takes four times as long.

    Source: Sheikh and Bovik 2006, "Image information and visual quality".
    """
    x, y = 255 * luma(output), 255 * luma(target)
    information = torch.zeros(output.shape[0], dtype=x.dtype, device=x.device)
    available = torch.zeros_like(information)
    for scale, (window, stride) in enumerate(((17, 8), (9, 6), (5, 3), (3, 2))):
        if min(x.shape[2:]) < 2 * window:
            break  # a small picture has fewer scales
        if scale:
            x, y = _gauss(x, window, 2), _gauss(y, window, 2)
        means = _gauss(torch.cat([x, y, x * x, y * y, x * y], 0), window, stride)
        mean_x, mean_y, square_x, square_y, product = means.chunk(5)
        var_x, var_y = (square_x - mean_x**2).clamp_min(0), (square_y - mean_y**2).clamp_min(0)
        covariance = (product - mean_x * mean_y).clamp_min(0)
        gain = covariance / (var_y + 1e-2)
        noise = (var_x - gain * covariance).clamp_min(0)
        weight = stride**2
        information = information + weight * torch.log1p(gain**2 * var_y / (noise + 2)).sum((1, 2, 3))
        available = available + weight * torch.log1p(var_y / 2).sum((1, 2, 3))
    # 1e-3: a flat picture has no loss. 1.2: much more contrast than the target's brings no gain.
    return 1 - ((information + 1e-3) / (available + 1e-3)).clamp_max(1.2).mean()


def _gauss(planes: Tensor, window: int, stride: int) -> Tensor:
    """Gaussian means over valid windows, every `stride` px; planes (B, 1, H, W)."""
    at = torch.arange(window, dtype=planes.dtype, device=planes.device) - (window - 1) / 2
    kernel = torch.exp(-(at**2) / (2 * (window / 5) ** 2))
    kernel = kernel / kernel.sum()
    rows = F.conv2d(planes, kernel.view(1, 1, 1, window), stride=(1, stride))
    return F.conv2d(rows, kernel.view(1, 1, window, 1), stride=(stride, 1))


def colour_angle(output: Tensor, target: Tensor, block: int = 8) -> Tensor:
    """1 - cosine between the colours of block means: hue, independent of brightness.

    Near black the angle means nothing and its gradient grows without a bound: NO_COLOUR is added to both.

    Source: Wang et al. 2019, DeepUPE.
    """
    ours, theirs = (F.avg_pool2d(planes, block) + NO_COLOUR for planes in (output, target))
    return 1 - F.cosine_similarity(ours, theirs, dim=1).mean()


def roughness(cells: Tensor) -> Tensor:
    """Mean squared step between neighbouring cells. Source: total variation, Guo et al. 2020, Zero-DCE."""
    return (cells[..., 1:, :] - cells[..., :-1, :]).square().mean() + (cells[..., 1:] - cells[..., :-1]).square().mean()


def total(output: Tensor, target: Tensor, log2_gain: Tensor, weights: SelfSupervisedWeights) -> dict[str, Tensor]:
    """Return each loss of stage 0 times its weight; training minimises their sum."""
    return weighted(
        {
            "charbonnier": (weights.charbonnier_weight, lambda: charbonnier(output, target)),
            "decibels": (weights.decibels_weight, lambda: log_mse(output, target)),
            "uneven": (weights.uneven_weight, lambda: unevenness(output, target)),
            "ssim": (weights.ssim_weight, lambda: dssim_loss(output, target)),
            "vif": (weights.vif_weight, lambda: vif_loss(output[::2], target[::2])),
            "colour": (weights.colour_weight, lambda: colour_angle(output, target)),
            "smooth": (weights.smooth_weight, lambda: roughness(log2_gain)),
        }
    )
