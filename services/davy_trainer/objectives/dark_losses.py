"""The loss of real dark frames, without references: lifted, not purple, without bands, with the contrast that they had.

All but the contrast counts only where the raw frame is dark, and sees block means: what is fine, or lit, is learned from pairs.
Source of the idea of losses without a reference: Guo et al. 2020, "Zero-reference deep curve estimation".
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.pipeline import Parameters, low_resolution_maps
from davy.imaging.isp.tone import apply_tone
from davy_trainer.objectives.weighted import weighted
from davy_trainer.stages.loss_weights import BaseWeights

DARK = 0.3  # display units: luma from which on a place is lit
LEAST_LIGHT = 0.34  # display units: what the dark is lifted to at least; a person is then seen on any monitor
PARTS = 4  # of the width, and of the height: bands are as long
AROUND = 9  # lines that one line is compared with
LEAST_WEIGHT = 0.15  # of darkness, on average over a line's part: below it the line says nothing
WINDOW = 9  # blocks: of local contrast
KEPT_CONTRAST = 1.1  # of the raw frame's, relative to the local mean
LIT_SHARE = 0.4  # of a lit place's lost contrast counts
EVEN = 1e-5  # variance below which nothing is to be seen


def without_reference(parameters: Parameters, blocks: BlockStatistics, weights: BaseWeights) -> dict[str, Tensor]:
    """Each loss with its weight, of real frames' block statistics (B, ., h, w)."""
    p, q, r = torch.split(low_resolution_maps(blocks, parameters), 3, 1)
    output = apply_tone(p * blocks.rgb + q * blocks.luma + r, parameters.tone_curve)
    dark = (1 - F.avg_pool2d(blocks.luma, 5, 1, 2, count_include_pad=False) / DARK).clamp(0, 1)
    y = luma(output)
    light, coarse_dark = F.avg_pool2d(y, 4), F.avg_pool2d(dark, 4)
    chroma = F.avg_pool2d(output, 4) - light
    purple = (chroma[:, :1] + chroma[:, 2:]).clamp_min(0) / 2 - chroma[:, 1:2].clamp_max(0)  # what the sensor's floor adds

    def banded() -> Tensor:
        rows, columns = bands(y, dark), bands(*_turned(y, dark))
        return rows.square().add(1e-8).sqrt().mean() + columns.square().add(1e-8).sqrt().mean()

    return weighted(
        {
            "real_lift": (weights.real_lift_weight, lambda: (coarse_dark * (LEAST_LIGHT - light).clamp_min(0)).mean()),
            "real_purple": (weights.real_purple_weight, lambda: (coarse_dark * purple).mean()),
            "real_neutral": (
                weights.real_neutral_weight,
                lambda: (coarse_dark * (chroma.square() + 1e-6).sqrt()).mean(),
            ),
            "real_bands": (weights.real_bands_weight, banded),
            "real_contrast": (
                weights.real_contrast_weight,
                lambda: _lost_contrast(y, without_bands(blocks.luma, dark), LIT_SHARE + (1 - LIT_SHARE) * dark),
            ),
        }
    )


def bands(y: Tensor, dark: Tensor) -> Tensor:
    """By how much the dark parts of a line differ from those of lines near by: (B, 1, h, PARTS), display units.

    Args:
        y: Luma, (B, 1, h, w).
        dark: Weight of each place, of the same shape.
    """
    part = (1, y.shape[3] // PARTS)
    weight = F.avg_pool2d(dark, part)
    means = F.avg_pool2d(y * dark, part) / weight.clamp_min(LEAST_WEIGHT)
    around = F.avg_pool2d(means * weight, (AROUND, 1), 1, (AROUND // 2, 0), count_include_pad=False)
    around = around / F.avg_pool2d(weight, (AROUND, 1), 1, (AROUND // 2, 0), count_include_pad=False).clamp_min(1e-3)
    return (means - around) * (weight > LEAST_WEIGHT)


def without_bands(y: Tensor, dark: Tensor) -> Tensor:
    """Luma (B, 1, h, w) without what the dark parts of rows, and then of columns, have in common."""
    for _ in range(2):
        y = y - dark * F.interpolate(bands(y, dark), size=y.shape[2:], mode="nearest")
        y, dark = _turned(y, dark)
    return y


def _turned(y: Tensor, dark: Tensor) -> tuple[Tensor, Tensor]:
    return y.transpose(2, 3), dark.transpose(2, 3)


def _lost_contrast(y: Tensor, raw: Tensor, weight: Tensor) -> Tensor:
    """How far local contrast, relative to the local mean and in the raw frame's own pattern, falls short of the raw frame's."""
    mean, mean_raw = _mean(y), _mean(raw)
    variance = (_mean(raw * raw) - mean_raw**2).clamp_min(0)
    slope = (_mean(y * raw) - mean * mean_raw) / (variance + EVEN)  # of the output on the raw frame: noise that is new is none
    kept = slope * mean_raw / mean.clamp_min(0.05)
    shown = variance / (variance + EVEN)
    return (weight * shown * (KEPT_CONTRAST - kept).clamp_min(0)).mean()


def _mean(plane: Tensor) -> Tensor:
    return F.avg_pool2d(plane, WINDOW, 1, WINDOW // 2, count_include_pad=False)
