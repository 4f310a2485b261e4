"""Losses on real dark frames without references: brightness, purple cast, banding and contrast of the dark.

All losses use block means. All but contrast and clipping count only where the raw frame is dark; pairs train fine detail and
lit regions.
Source of reference-free losses: Guo et al. 2020, "Zero-reference deep curve estimation".
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

DARK = 0.3  # display units: luma from which a region counts as lit
MIN_LUMA = 0.34  # display units: minimum luma of the enhanced dark; a person is then visible on any monitor
SEGMENTS = 4  # of the width, and of the height: length of a band
NEIGHBOURS = 9  # lines in the mean that a line is compared with
MIN_WEIGHT = 0.15  # mean darkness of a segment; below it the segment does not count
WINDOW = 9  # blocks: of local contrast
TARGET_CONTRAST = 1.1  # of the raw frame's, relative to the local mean
LIT_WEIGHT = 0.4  # weight of contrast in lit regions
BRIGHT = 0.95  # display units: lit regions stay below it, unless the raw frame is as bright
MIN_VARIANCE = 1e-5  # below it a region has no contrast


def reference_free_losses(parameters: Parameters, blocks: BlockStatistics, weights: BaseWeights) -> dict[str, Tensor]:
    """Return each loss times its weight, from real frames' block statistics (B, ., h, w)."""
    p, q, r = torch.split(low_resolution_maps(blocks, parameters), 3, 1)
    mapped = p * blocks.rgb + q * blocks.luma + r
    output = apply_tone(mapped, parameters.tone_curve)
    dark = (1 - F.avg_pool2d(blocks.luma, 5, 1, 2, count_include_pad=False) / DARK).clamp(0, 1)
    y = luma(output)
    light, coarse_dark = F.avg_pool2d(y, 4), F.avg_pool2d(dark, 4)
    chroma = F.avg_pool2d(output, 4) - light
    purple = (chroma[:, :1] + chroma[:, 2:]).clamp_min(0) / 2 - chroma[:, 1:2].clamp_max(0)  # cast of the sensor's noise floor

    def banding() -> Tensor:
        rows, columns = bands(y, dark), bands(*_transposed(y, dark))
        return rows.square().add(1e-8).sqrt().mean() + columns.square().add(1e-8).sqrt().mean()

    return weighted(
        {
            "real_lift": (weights.real_lift_weight, lambda: (coarse_dark * (MIN_LUMA - light).clamp_min(0)).mean()),
            "real_purple": (weights.real_purple_weight, lambda: (coarse_dark * purple).mean()),
            "real_neutral": (
                weights.real_neutral_weight,
                lambda: (coarse_dark * (chroma.square() + 1e-6).sqrt()).mean(),
            ),
            "real_clipped": (weights.real_clipped_weight, lambda: _burnt_out(mapped, blocks.rgb)),
            "real_bands": (weights.real_bands_weight, banding),
            "real_contrast": (
                weights.real_contrast_weight,
                lambda: _lost_contrast(y, without_bands(blocks.luma, dark), LIT_WEIGHT + (1 - LIT_WEIGHT) * dark),
            ),
        }
    )


def bands(y: Tensor, dark: Tensor) -> Tensor:
    """Return the offset of each line's dark segments from neighbouring lines: (B, 1, h, SEGMENTS), display units.

    Args:
        y: Luma, (B, 1, h, w).
        dark: Weight of each pixel, of the same shape.
    """
    segment = (1, y.shape[3] // SEGMENTS)
    weight = F.avg_pool2d(dark, segment)
    means = F.avg_pool2d(y * dark, segment) / weight.clamp_min(MIN_WEIGHT)
    around = F.avg_pool2d(means * weight, (NEIGHBOURS, 1), 1, (NEIGHBOURS // 2, 0), count_include_pad=False)
    around = around / F.avg_pool2d(weight, (NEIGHBOURS, 1), 1, (NEIGHBOURS // 2, 0), count_include_pad=False).clamp_min(1e-3)
    return (means - around) * (weight > MIN_WEIGHT)


def without_bands(y: Tensor, dark: Tensor) -> Tensor:
    """Return luma (B, 1, h, w) without the bands of rows, and then of columns, in the dark."""
    for _ in range(2):
        y = y - dark * F.interpolate(bands(y, dark), size=y.shape[2:], mode="nearest")
        y, dark = _transposed(y, dark)
    return y


def _burnt_out(mapped: Tensor, raw: Tensor) -> Tensor:
    """Return the mean by which the brightest channel exceeds both BRIGHT and the raw frame's, before the tone curve.

    After the curve a low end of it would hide what is clipped.
    """
    ceiling = raw.amax(1, keepdim=True).clamp_min(BRIGHT)
    return (mapped.amax(1, keepdim=True) - ceiling).clamp_min(0).mean()


def _transposed(y: Tensor, dark: Tensor) -> tuple[Tensor, Tensor]:
    return y.transpose(2, 3), dark.transpose(2, 3)


def _lost_contrast(y: Tensor, raw: Tensor, weight: Tensor) -> Tensor:
    """Return the loss of local contrast, relative to the local mean and correlated with the raw frame."""
    mean, mean_raw = _mean(y), _mean(raw)
    variance = (_mean(raw * raw) - mean_raw**2).clamp_min(0)
    slope = (_mean(y * raw) - mean * mean_raw) / (
        variance + MIN_VARIANCE
    )  # of the output on the raw frame: new noise does not count
    contrast = slope * mean_raw / mean.clamp_min(0.05)
    visible = variance / (variance + MIN_VARIANCE)
    return (weight * visible * (TARGET_CONTRAST - contrast).clamp_min(0)).mean()


def _mean(plane: Tensor) -> Tensor:
    return F.avg_pool2d(plane, WINDOW, 1, WINDOW // 2, count_include_pad=False)
