"""The order of the operators, and the range of every parameter. `davy.imaging.runtime` computes the same without torch.

v   = gain * (own * I + (keep - own) * luma + (1 - keep) * saturated(base) - veil)   per place and luma; base = a * luma + b
out = tone(v)

`own` is the share of the pixel's own chroma: `keep` in a colour picture. I is the picture without its row noise.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.domain.dials import CONTRAST_FLOOR, CONTRAST_GAIN, MAX_CONTRAST, NEUTRAL, NOISE_KEEP, NOISE_STOPS, Dials
from davy.imaging.isp.blocks import BlockStatistics, block_size, block_statistics
from davy.imaging.isp.bounds import clip
from davy.imaging.isp.chroma import chroma_shares
from davy.imaging.isp.grid import slice_grid, upsample_cells
from davy.imaging.isp.guided import guided_coefficients
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.rows import darkness, row_offsets
from davy.imaging.isp.scene import colour_evidence, local_luma, scene_means
from davy.imaging.isp.tone import apply_tone, knots_of_steps

GRID_ROWS, GRID_COLUMNS, GRID_BINS, TONE_STEPS = 12, 16, 8, 16
FINE_ROWS, FINE_COLUMNS = 72, 96
MAX_LOG2_GAIN = 5.5  # 45 times, on display values: what a picture of mean 3 of 255 takes
MAX_LOG2_FINE_GAIN = 4.0  # what lamps, arches and near walls differ by inside a cell
MAX_VEIL = 0.4  # display units: what dust in front of a lamp adds, and the sensor's purple floor
MIN_NOISE, MAX_NOISE = 0.003, 0.12  # display units
MAX_LOG2_SATURATION = 0.8
WHOLE_SIZE = 3 + TONE_STEPS  # white balance, tone
GLOBAL_SIZE = WHOLE_SIZE + 2  # and the strengths against row noise and chroma noise
CELL_SIZE = GRID_BINS + 2 + 2 + 3 + 1  # log-gain per luma bin, colour of the light (red, blue), keep, noise, veil, saturation
FINE_SIZE = GRID_BINS + 3  # log-gain per luma bin, veil


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the network sets, in the units of the operators.

    log2_gain: (B, D, rows, columns); log2_colour: (B, 3, rows, columns), of light per channel; keep: (B, 1, rows, columns) in
    [0, 1]; noise: (B, 1, rows, columns), display units; veil: (B, 3, rows, columns), display units, light that did not come
    from the scene; log2_saturation: (B, 1, rows, columns), of the base; knots: (B, K + 1).
    fine_log2_gain: (B, D, fine rows, fine columns) and fine_veil: (B, 3, fine rows, fine columns), added to the coarse maps.
    row_noise, chroma_noise: (B, 1) in [0, 1], strengths of the two operators. neutral: (B, 1) in [0, 1], how much of its chroma
    noise a colourless picture loses. colour: (B, 1), times saturation; 0 is monochrome.
    """

    log2_gain: Tensor
    log2_colour: Tensor
    keep: Tensor
    noise: Tensor
    veil: Tensor
    log2_saturation: Tensor
    knots: Tensor
    fine_log2_gain: Tensor
    fine_veil: Tensor
    row_noise: Tensor
    chroma_noise: Tensor
    neutral: Tensor
    colour: Tensor

    @classmethod
    def from_raw(cls, whole: Tensor, cells: Tensor, fine: Tensor | None = None) -> "Parameters":
        """Bound the network's outputs.

        Args:
            whole: (B, GLOBAL_SIZE); (B, WHOLE_SIZE) of networks that know no strengths: those are then 0.
            cells: (B, CELL_SIZE, rows, columns).
            fine: (B, FINE_SIZE, fine rows, fine columns); None adds nothing to the coarse maps.
        """
        fine = torch.zeros_like(cells[:, :FINE_SIZE]) if fine is None else fine
        whole = F.pad(whole, (0, GLOBAL_SIZE - whole.shape[1]))
        white, steps, row_noise, chroma_noise = torch.split(whole, [3, TONE_STEPS, 1, 1], 1)
        gain, colour, keep, noise, veil, saturation = torch.split(cells, [GRID_BINS, 2, 1, 1, 3, 1], 1)
        fine_gain, fine_veil = torch.split(fine, [GRID_BINS, 3], 1)
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
            fine_log2_gain=MAX_LOG2_FINE_GAIN * torch.tanh(fine_gain / MAX_LOG2_FINE_GAIN),
            fine_veil=MAX_VEIL * torch.tanh(fine_veil),
            row_noise=_unit(row_noise),
            chroma_noise=_unit(chroma_noise),
            neutral=torch.ones_like(row_noise),
            colour=torch.ones_like(row_noise),
        )

    def at_strength(self, strength: float) -> "Parameters":
        """Blend towards the identity: 0 is the identity, 1 the whole effect."""
        identity = torch.linspace(0, 1, self.knots.shape[1], dtype=self.knots.dtype, device=self.knots.device)
        linear = ("log2_gain", "log2_colour", "veil", "log2_saturation", "fine_log2_gain", "fine_veil")
        scaled = {name: getattr(self, name) * strength for name in (*linear, "row_noise", "chroma_noise", "neutral")}
        keep, knots = 1 - (1 - self.keep) * strength, identity + (self.knots - identity) * strength
        return replace(self, keep=keep, knots=knots, **scaled)

    def with_dials(self, dials: Dials, around: Tensor) -> "Parameters":
        """Apply the operator's dials.

        Args:
            dials: See Dials.
            around: Mean luma around each cell, (B, 1, rows, columns), see davy.imaging.isp.scene.local_luma.
        """
        if dials == NEUTRAL:
            return self
        bins = (
            torch.linspace(0, 1, self.log2_gain.shape[1], dtype=around.dtype, device=around.device).square().view(1, -1, 1, 1)
        )
        stops = torch.log2((bins + CONTRAST_FLOOR) / (around + CONTRAST_FLOOR))
        contrast = CONTRAST_GAIN * dials.local_contrast * stops.clamp(-MAX_CONTRAST, MAX_CONTRAST)
        more, less = max(dials.noise, 0.0), max(-dials.noise, 0.0)
        keep = (self.keep + (1 - self.keep) * less) * (1 - NOISE_KEEP * more) * (1 + CONTRAST_GAIN * dials.local_contrast)
        return replace(
            self,
            log2_gain=self.log2_gain + contrast,
            keep=keep,
            noise=self.noise * 2 ** (NOISE_STOPS * dials.noise),
            knots=self.knots ** (2**-dials.brightness),
            row_noise=(self.row_noise + (1 - self.row_noise) * more) * (1 - less),
            chroma_noise=(self.chroma_noise + (1 - self.chroma_noise) * more) * (1 - less),
            colour=self.colour * dials.colour,
        )


def _unit(raw: Tensor) -> Tensor:
    """Clip to [0, 1]; the gradient is that of the identity, so that a strength of 0 can grow."""
    return raw + (raw.clamp(0, 1) - raw).detach()


def _scalar(per_picture: Tensor) -> Tensor:
    return per_picture[:, :, None, None]


def low_resolution_maps(blocks: BlockStatistics, parameters: Parameters) -> Tensor:
    """All that a place needs: v_c = p_c * I_c + q_c * luma + r_c.

    Returns:
        (B, 9, h, w): p for red, green, blue, then q, then r.
    """
    size = (blocks.luma.shape[2], blocks.luma.shape[3])
    noise = upsample_cells(parameters.noise, size)
    a, b = guided_coefficients(blocks, noise)
    slope, offset = luma(a), luma(b)
    rows = _scalar(parameters.row_noise) * row_offsets(blocks.luma) * darkness(blocks.luma)  # (B, 1, h, w)
    guide = slope * (blocks.luma - rows) + offset  # luma of the base
    evidence = colour_evidence(scene_means(blocks))
    log2_gain = slice_grid(parameters.log2_gain, guide, parameters.fine_log2_gain)
    tint = evidence * _scalar(parameters.colour).clamp_max(1)  # of the light: what has no colour gets none
    log2_colour = upsample_cells(parameters.log2_colour, size) * tint
    gain = torch.exp2(log2_gain.clamp(-MAX_LOG2_GAIN, MAX_LOG2_GAIN) + log2_colour)  # (B, 3, h, w)
    keep = upsample_cells(parameters.keep, size)
    chroma = (a - slope) * blocks.luma + b - offset  # of the base
    strengths = (_scalar(strength) for strength in (parameters.chroma_noise, parameters.neutral, parameters.colour))
    own, saturation = chroma_shares(chroma, noise, keep, evidence, *strengths)
    saturation = saturation * torch.exp2(upsample_cells(parameters.log2_saturation, size))
    veil = upsample_cells(parameters.veil, size) + upsample_cells(parameters.fine_veil, size)
    veil = luma(veil) + tint * (veil - luma(veil))
    p = gain * own
    q = gain * ((1 - keep) * (slope + saturation * (a - slope)) + (keep - own))
    r = gain * ((1 - keep) * (offset + saturation * (b - offset)) - clip(veil, 0, MAX_VEIL)) - (p + q) * rows
    return torch.cat([p, q, r], 1)


def enhance(image: Tensor, parameters: Parameters, blocks: BlockStatistics | None = None, dials: Dials = NEUTRAL) -> Tensor:
    """Run the whole pipeline.

    Args:
        image: Display-encoded RGB, shape (B, 3, H, W), float in [0, 1].
        parameters: From the network, for this picture.
        blocks: The picture's block statistics where they are known already.
        dials: The operator's corrections.

    Returns:
        Shape of image, in [0, 1]; differentiable in all.
    """
    height, width = image.shape[2:]
    blocks = blocks or block_statistics(image, block_size(height, width))
    if dials != NEUTRAL:
        rows, columns = parameters.log2_gain.shape[2:]
        parameters = parameters.with_dials(dials, local_luma(scene_means(blocks), rows, columns))
    maps = low_resolution_maps(blocks, parameters)
    maps = F.interpolate(maps, scale_factor=float(blocks.block), mode="bilinear", align_corners=False)[:, :, :height, :width]
    p, q, r = torch.split(maps, 3, 1)
    return apply_tone(p * image + q * luma(image) + r, parameters.knots)
