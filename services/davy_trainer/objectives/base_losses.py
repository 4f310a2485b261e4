"""The loss of base training: how the light lies, seen on blocks of the whole picture; how detail looks, seen in a window.

Blocks are a sixteenth of the whole picture's pixels; a window is a quarter of them, of some of the pictures.
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

EDGE = 6  # px of a window that its neighbours' cells would change, and that are not judged


def whole(
    parameters: Parameters, blocks: BlockStatistics, small: Tensor, weights: BaseWeights
) -> tuple[dict[str, Tensor], Tensor]:
    """Losses of the block means of the enhanced picture against small (B, 3, h, w); each with its weight, and these means."""
    p, q, r = torch.split(low_resolution_maps(blocks, parameters), 3, 1)
    output = apply_tone(p * blocks.rgb + q * blocks.luma + r, parameters.tone_curve)

    def uneven() -> Tensor:
        return losses.mean_square(F.avg_pool2d(output, 4), F.avg_pool2d(small, 4))

    def chroma() -> Tensor:
        return losses.charbonnier(output - luma(output), small - luma(small))

    terms = {
        "charbonnier": (weights.charbonnier_weight, lambda: losses.charbonnier(output, small)),
        "decibels": (weights.decibels_weight, lambda: losses.mean_square(output, small)),
        "uneven": (weights.uneven_weight, uneven),
        "ssim": (weights.ssim_weight, lambda: losses.dssim_loss(output, small)),
        "colour": (weights.colour_weight, lambda: _colour_angle(output, small)),
        "chroma": (weights.chroma_weight, chroma),
        "smooth": (weights.smooth_weight, lambda: losses.roughness(parameters.log2_gain)),
    }
    return weighted(terms), output


def window(
    low: Tensor,
    truth: Tensor,
    parameters: Parameters,
    block: int,
    rng: np.random.Generator,
    weights: BaseWeights,
) -> dict[str, Tensor]:
    """Losses of one window at full resolution, half of the picture's rows and columns, in blocks of `block` px."""
    rows, columns = GRID_ROWS // 2, GRID_COLUMNS // 2
    top, left = int(rng.integers(rows + 1)), int(rng.integers(columns + 1))
    inside = Window(top / GRID_ROWS, left / GRID_COLUMNS)
    seen, wanted = (inside.of(planes).float() / 255 for planes in (low, truth))
    output = enhance(seen, inside.parameters(parameters), block_statistics(seen, block))
    output, wanted = (planes[:, :, EDGE:-EDGE, EDGE:-EDGE] for planes in (output, wanted))
    return weighted(
        {
            "window_charbonnier": (weights.window_charbonnier_weight, lambda: losses.charbonnier(output, wanted)),
            "window_decibels": (weights.window_decibels_weight, lambda: losses.mean_square(output, wanted)),
            "window_ssim": (weights.window_ssim_weight, lambda: losses.dssim_loss(output, wanted)),
            "window_vif": (weights.window_vif_weight, lambda: losses.vif_loss(output, wanted)),
        }
    )


class Window:
    """Half of every map's rows and columns, from a share of its height and width on."""

    def __init__(self, top: float, left: float) -> None:
        self._top, self._left = top, left

    def of(self, planes: Tensor) -> Tensor:
        """The part of (B, C, h, w)."""
        height, width = planes.shape[2:]
        top, left = round(self._top * height), round(self._left * width)
        return planes[:, :, top : top + height // 2, left : left + width // 2]

    def parameters(self, parameters: Parameters) -> Parameters:
        """The parameters of the part; the few for the whole picture stay."""
        maps = {f.name: getattr(parameters, f.name) for f in fields(parameters)}
        return replace(parameters, **{name: self.of(value) for name, value in maps.items() if value.ndim == 4})


def psnr_db(output: Tensor, small: Tensor) -> Tensor:
    """Of block means, per picture: (B,)."""
    return -10 * (output.detach() - small).square().mean((1, 2, 3)).clamp_min(1e-10).log10()


def _colour_angle(output: Tensor, small: Tensor) -> Tensor:
    return 1 - F.cosine_similarity(F.avg_pool2d(output, 2) + 1e-3, F.avg_pool2d(small, 2) + 1e-3, dim=1).mean()


def of_pictures(parameters: Parameters, chosen: slice) -> Parameters:
    """The parameters of some pictures of a batch."""
    return replace(parameters, **{f.name: getattr(parameters, f.name)[chosen] for f in fields(parameters)})
