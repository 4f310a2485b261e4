"""The order of the operators, and the range of every parameter. `davy.imaging.runtime` computes the same without torch.

v   = gain * (keep * I + (1 - keep) * saturated(base) - veil)         per place and luma; base = a * luma + b
out = tone(v)
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.imaging.isp.blocks import BlockStatistics, block_size, block_statistics
from davy.imaging.isp.grid import slice_grid, upsample_cells
from davy.imaging.isp.guided import guided_coefficients
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.tone import apply_tone, knots_of_steps

GRID_ROWS, GRID_COLUMNS, GRID_BINS, TONE_STEPS = 12, 16, 8, 16
MAX_LOG2_GAIN = 5.5  # 45 times, on display values: what a picture of mean 3 of 255 takes
MAX_VEIL = 0.4  # display units: what dust in front of a lamp adds, and the sensor's purple floor
MIN_NOISE, MAX_NOISE = 0.003, 0.12  # display units
MAX_LOG2_SATURATION = 0.8
GLOBAL_SIZE = 3 + TONE_STEPS  # white balance, tone
CELL_SIZE = GRID_BINS + 2 + 2 + 3 + 1  # log-gain per luma bin, colour of the light (red, blue), keep, noise, veil, saturation


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the network sets, in the units of the operators.

    log2_gain: (B, D, rows, columns); log2_colour: (B, 3, rows, columns), of light per channel; keep: (B, 1, rows, columns) in
    [0, 1]; noise: (B, 1, rows, columns), display units; veil: (B, 3, rows, columns), display units, light that did not come
    from the scene; log2_saturation: (B, 1, rows, columns), of the base; knots: (B, K + 1).
    """

    log2_gain: Tensor
    log2_colour: Tensor
    keep: Tensor
    noise: Tensor
    veil: Tensor
    log2_saturation: Tensor
    knots: Tensor

    @classmethod
    def from_raw(cls, whole: Tensor, cells: Tensor) -> "Parameters":
        """Bound the network's two outputs: whole (B, GLOBAL_SIZE), cells (B, CELL_SIZE, rows, columns)."""
        white, steps = torch.split(whole, [3, TONE_STEPS], 1)
        gain, colour, keep, noise, veil, saturation = torch.split(cells, [GRID_BINS, 2, 1, 1, 3, 1], 1)
        red, blue = torch.split(colour, 1, 1)
        light = torch.cat([red, torch.zeros_like(red), blue], 1) + white[:, :, None, None]
        span = torch.log(torch.tensor(MAX_NOISE / MIN_NOISE))
        return cls(
            log2_gain=MAX_LOG2_GAIN * torch.tanh(gain / MAX_LOG2_GAIN),
            log2_colour=torch.tanh(light),
            keep=torch.sigmoid(keep),
            noise=MIN_NOISE * torch.exp(span.to(noise) * torch.sigmoid(noise)),
            veil=MAX_VEIL * torch.sigmoid(veil - 4),
            log2_saturation=MAX_LOG2_SATURATION * torch.tanh(saturation),
            knots=knots_of_steps(steps),
        )

    def at_strength(self, strength: float) -> "Parameters":
        """Blend towards the identity: 0 is the identity, 1 the whole effect."""
        identity = torch.linspace(0, 1, self.knots.shape[1], dtype=self.knots.dtype, device=self.knots.device)
        return Parameters(
            log2_gain=self.log2_gain * strength,
            log2_colour=self.log2_colour * strength,
            keep=1 - (1 - self.keep) * strength,
            noise=self.noise,
            veil=self.veil * strength,
            log2_saturation=self.log2_saturation * strength,
            knots=identity + (self.knots - identity) * strength,
        )


def low_resolution_maps(blocks: BlockStatistics, parameters: Parameters) -> Tensor:
    """All that a place needs: v_c = p_c * I_c + q_c * luma + r_c.

    Returns:
        (B, 9, h, w): p for red, green, blue, then q, then r.
    """
    size = (blocks.luma.shape[2], blocks.luma.shape[3])
    a, b = guided_coefficients(blocks, upsample_cells(parameters.noise, size))
    slope, offset = luma(a), luma(b)
    guide = slope * blocks.luma + offset  # luma of the base
    gain = torch.exp2(slice_grid(parameters.log2_gain, guide) + upsample_cells(parameters.log2_colour, size))  # (B, 3, h, w)
    keep = upsample_cells(parameters.keep, size)
    p = gain * keep
    saturation = torch.exp2(upsample_cells(parameters.log2_saturation, size))
    q = gain * (1 - keep) * (slope + saturation * (a - slope))
    r = gain * ((1 - keep) * (offset + saturation * (b - offset)) - upsample_cells(parameters.veil, size))
    return torch.cat([p, q, r], 1)


def enhance(image: Tensor, parameters: Parameters, blocks: BlockStatistics | None = None) -> Tensor:
    """Run the whole pipeline.

    Args:
        image: Display-encoded RGB, shape (B, 3, H, W), float in [0, 1].
        parameters: From the network, for this picture.
        blocks: The picture's block statistics where they are known already.

    Returns:
        Shape of image, in [0, 1]; differentiable in all.
    """
    height, width = image.shape[2:]
    blocks = blocks or block_statistics(image, block_size(height, width))
    maps = low_resolution_maps(blocks, parameters)
    maps = F.interpolate(maps, scale_factor=float(blocks.block), mode="bilinear", align_corners=False)[:, :, :height, :width]
    p, q, r = torch.split(maps, 3, 1)
    return apply_tone(p * image + q * luma(image) + r, parameters.knots)
