"""Luma of display-encoded RGB."""

import torch
from torch import Tensor

from davy.domain.errors import ShapeError

LUMA = (0.299, 0.587, 0.114)  # red, green, blue; ITU-R BT.601, what JPEG uses


def luma(image: Tensor) -> Tensor:
    """Weighted sum of the channels.

    Args:
        image: Display-encoded RGB, shape (B, 3, H, W), float in [0, 1].

    Returns:
        Shape (B, 1, H, W), in [0, 1].

    Raises:
        ShapeError: image does not have three channels.

    Source: ITU-R BT.601-7, 2.5.1.
    """
    if image.ndim != 4 or image.shape[1] != 3:
        raise ShapeError("image", image.shape, "(B, 3, H, W)")
    weights = torch.tensor(LUMA, dtype=image.dtype, device=image.device).view(1, 3, 1, 1)
    return (image * weights).sum(1, keepdim=True)
