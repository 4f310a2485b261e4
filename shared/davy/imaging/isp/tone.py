"""A monotone piecewise-linear tone curve."""

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.bounds import clip


def tone_curve_from_steps(steps: Tensor) -> Tensor:
    """Build a monotone curve from (0, 0) to (1, 1).

    Args:
        steps: Unbounded, shape (B, K); equal values give the identity.

    Returns:
        Values at 0, 1/K, ..., 1; shape (B, K + 1), rising.
    """
    return F.pad(torch.cumsum(torch.softmax(steps, 1), 1), (1, 0))


def apply_tone(image: Tensor, tone_curve: Tensor) -> Tensor:
    """Apply a piecewise-linear curve to every channel.

    Args:
        image: Shape (B, C, H, W), any float; clipped to [0, 1] first.
        tone_curve: Values at 0, 1/K, ..., 1; shape (B, K + 1).

    Returns:
        Shape of image, in [0, 1]; differentiable in both arguments.
    """
    count = tone_curve.shape[1] - 1
    position = clip(image, 0, 1) * count
    low = position.detach().floor().clamp_max(count - 1).long()
    flat = low.flatten(1)  # (B, C*H*W)
    left, right = tone_curve.gather(1, flat).view_as(image), tone_curve.gather(1, flat + 1).view_as(image)
    return left + (right - left) * (position - low)
