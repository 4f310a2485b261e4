"""Losses of base training: light on blocks of the complete picture, and detail in a window at full resolution.

Blocks have a sixteenth of the picture's pixels. A window has a quarter of them; only some pictures have one.
"""

from dataclasses import fields, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics, block_statistics
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.pipeline import GRID_COLUMNS, GRID_ROWS, Parameters, enhance, low_resolution_maps
from davy.imaging.isp.tone import apply_tone
from davy_trainer.objectives import losses
from davy_trainer.objectives.weighted import weighted
from davy_trainer.stages.loss_weights import BaseWeights

BORDER = 6  # px of a window that depend on cells outside of it, without loss


def block_losses(
    parameters: Parameters, blocks: BlockStatistics, small: Tensor, weights: BaseWeights
) -> tuple[dict[str, Tensor], Tensor]:
    """Return each loss of the enhanced block means against small (B, 3, h, w) times its weight, and these means."""
    p, q, r = torch.split(low_resolution_maps(blocks, parameters), 3, 1)
    output = apply_tone(p * blocks.rgb + q * blocks.luma + r, parameters.tone_curve)

    def uneven() -> Tensor:
        return losses.log_mse(F.avg_pool2d(output, 4), F.avg_pool2d(small, 4))

    def chroma() -> Tensor:
        return losses.charbonnier(output - luma(output), small - luma(small))

    terms = {
        "charbonnier": (weights.charbonnier_weight, lambda: losses.charbonnier(output, small)),
        "decibels": (weights.decibels_weight, lambda: losses.log_mse(output, small)),
        "uneven": (weights.uneven_weight, uneven),
        "ssim": (weights.ssim_weight, lambda: losses.dssim_loss(output, small)),
        "colour": (weights.colour_weight, lambda: losses.colour_angle(output, small, 2)),
        "chroma": (weights.chroma_weight, chroma),
        "smooth": (weights.smooth_weight, lambda: losses.roughness(parameters.log2_gain)),
    }
    return weighted(terms), output


def window_losses(
    low: Tensor,
    ground_truth: Tensor,
    parameters: Parameters,
    block: int,
    rng: np.random.Generator,
    weights: BaseWeights,
) -> dict[str, Tensor]:
    """Return the losses of one window at full resolution, with half of the rows and columns, in blocks of `block` px."""
    rows, columns = GRID_ROWS // 2, GRID_COLUMNS // 2
    top, left = int(rng.integers(rows + 1)), int(rng.integers(columns + 1))
    window = Window(top / GRID_ROWS, left / GRID_COLUMNS)
    inputs, target = (window.crop(planes).float() / 255 for planes in (low, ground_truth))
    output = enhance(inputs, window.parameters(parameters), block_statistics(inputs, block))
    output, target = (planes[:, :, BORDER:-BORDER, BORDER:-BORDER] for planes in (output, target))
    return weighted(
        {
            "window_charbonnier": (weights.window_charbonnier_weight, lambda: losses.charbonnier(output, target)),
            "window_decibels": (weights.window_decibels_weight, lambda: losses.log_mse(output, target)),
            "window_ssim": (weights.window_ssim_weight, lambda: losses.dssim_loss(output, target)),
            "window_vif": (weights.window_vif_weight, lambda: losses.vif_loss(output, target)),
        }
    )


class Window:
    """A window with half of each map's rows and columns; top and left are shares of its height and width."""

    def __init__(self, top: float, left: float) -> None:
        self._top, self._left = top, left

    def crop(self, planes: Tensor) -> Tensor:
        """Crop (B, C, h, w)."""
        height, width = planes.shape[2:]
        top, left = round(self._top * height), round(self._left * width)
        return planes[:, :, top : top + height // 2, left : left + width // 2]

    def parameters(self, parameters: Parameters) -> Parameters:
        """Return the parameters of the window; global ones stay unchanged."""
        maps = {f.name: getattr(parameters, f.name) for f in fields(parameters)}
        return replace(parameters, **{name: self.crop(value) for name, value in maps.items() if value.ndim == 4})


def psnr_db(output: Tensor, small: Tensor) -> Tensor:
    """PSNR of block means, per picture: (B,)."""
    return -10 * (output.detach() - small).square().mean((1, 2, 3)).clamp_min(1e-10).log10()


def select_pictures(parameters: Parameters, chosen: slice) -> Parameters:
    """Return the parameters of some pictures of a batch."""
    return replace(parameters, **{f.name: getattr(parameters, f.name)[chosen] for f in fields(parameters)})
