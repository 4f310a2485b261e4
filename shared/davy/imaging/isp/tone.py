"""A monotone tone curve by its knots."""

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.bounds import clip


def knots_of_steps(steps: Tensor) -> Tensor:
    """Knots of a monotone curve from (0, 0) to (1, 1).

    Args:
        steps: Unbounded, shape (B, K); equal values give the identity.

    Returns:
        Values at 0, 1/K, ..., 1; shape (B, K + 1), rising.
    """
    return F.pad(torch.cumsum(torch.softmax(steps, 1), 1), (1, 0))


def apply_tone(image: Tensor, knots: Tensor) -> Tensor:
    """Run every channel through a piecewise-linear curve.

    Args:
        image: Shape (B, C, H, W), any float; clipped to [0, 1] first.
        knots: Values at 0, 1/K, ..., 1; shape (B, K + 1).

    Returns:
        Shape of image, in [0, 1]; differentiable in both arguments.
    """
    count = knots.shape[1] - 1
    position = clip(image, 0, 1) * count
    low = position.detach().floor().clamp_max(count - 1).long()
    flat = low.flatten(1)  # (B, C*H*W)
    left, right = knots.gather(1, flat).view_as(image), knots.gather(1, flat + 1).view_as(image)
    return left + (right - left) * (position - low)
