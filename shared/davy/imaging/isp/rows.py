"""Row noise: offsets of entire rows by the sensor, visible as bands once dark pictures are brightened."""

import torch.nn.functional as F
from torch import Tensor

REACH = 2  # neighbouring rows above and below for comparison
DARK = 0.25  # luma limit: brighter places give no estimate and stay unchanged
FLAT = 0.03  # display units: a larger difference from the neighbouring rows is structure
LEAST_SHARE = 0.03  # fraction of the row that is flat and dark; below it the offset shrinks
MAX_OFFSET = 0.03  # display units


def darkness(y: Tensor) -> Tensor:
    """Weight of a place by its luma: 1 up to half of DARK, 0 from DARK on. Shape of y."""
    return (2 - 2 * y / DARK).clamp(0, 1)


def row_offsets(y: Tensor) -> Tensor:
    """Estimate the offset of each row: the weighted mean of its difference from five rows, where it is flat and dark.

    Args:
        y: Luma of blocks, (B, 1, h, w), display units in [0, 1].

    Returns:
        (B, 1, h, 1), display units; differentiable.
    """
    height = y.shape[2]
    padded = F.pad(y, (0, 0, REACH, REACH), mode="replicate")
    around = sum((padded[:, :, shift : shift + height] for shift in range(2 * REACH + 1)), start=y.new_zeros(()))
    difference = y - around / (2 * REACH + 1)
    weight = darkness(y) * (1 - (difference / FLAT) ** 2).clamp_min(0)
    offset = (weight * difference).sum(3, keepdim=True) / (weight.sum(3, keepdim=True) + LEAST_SHARE * y.shape[3])
    return offset.clamp(-MAX_OFFSET, MAX_OFFSET)
