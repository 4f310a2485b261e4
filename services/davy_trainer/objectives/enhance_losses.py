"""Losses of stage 2 and of adaptation without references and CLIP; each is a mean over the batch."""

import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.luminance import luma
from davy_trainer.objectives.losses import charbonnier, roughness

REGION_PX = 16  # of the crops: spatial consistency compares neighbouring regions of this size


def spatial_consistency(before: Tensor, after: Tensor) -> Tensor:
    """Keep the difference in luma between neighbouring regions. Source: Guo et al. 2020, Zero-DCE, equation 3.

    Args:
        before: The gain-normalised input, RGB (B, 3, H, W) in [0, 1].
        after: The output, of the same shape.
    """
    x, y = (F.avg_pool2d(luma(image), REGION_PX) for image in (before, after))
    across = (x[..., 1:] - x[..., :-1]).abs() - (y[..., 1:] - y[..., :-1]).abs()
    down = (x[..., 1:, :] - x[..., :-1, :]).abs() - (y[..., 1:, :] - y[..., :-1, :]).abs()
    return across.square().mean() + down.square().mean()


def exposure(after: Tensor, target: Tensor) -> Tensor:
    """Squared stops between each picture's mean luma and its target (B,). Source: Guo et al. 2020, with a prior per picture."""
    return (mean_luma(after).clamp_min(1e-3).log2() - target.clamp_min(1e-3).log2()).square().mean()


def colour_constancy(after: Tensor) -> Tensor:
    """Squared differences of the channels' means, by the grey-world assumption. Source: Buchsbaum 1980; Zero-DCE."""
    red, green, blue = after.mean((2, 3)).unbind(1)
    return ((red - green).square() + (green - blue).square() + (blue - red).square()).mean()


def smoothness(log2_gain: Tensor, log2_colour: Tensor) -> Tensor:
    """Squared steps between neighbouring cells of gain and colour, in square stops. Source: Zero-DCE, equation 6."""
    return roughness(log2_gain) + roughness(log2_colour)


def distillation(after: Tensor, initial: Tensor) -> Tensor:
    """Distance from the output of the initial weights. Source: Li and Hoiem 2016, Learning without Forgetting."""
    return charbonnier(after, initial)


def mean_luma(images: Tensor) -> Tensor:
    """Mean luma of each picture: (B, 3, H, W) -> (B,)."""
    return luma(images).mean((1, 2, 3))


def gain_normalised(low: Tensor, after: Tensor) -> Tensor:
    """Scale the input to the output's mean luma, clipped to 1, to compare content; the gain has no gradient."""
    gain = mean_luma(after.detach()) / mean_luma(low).clamp_min(1e-3)
    return (low * gain.view(-1, 1, 1, 1)).clamp(0, 1)
