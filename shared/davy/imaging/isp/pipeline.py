"""Order of the operators and range of every parameter; `davy.imaging.runtime` computes the same without torch.

v   = gain * (own * I + (keep - own) * luma + (1 - keep) * saturated(base) - veil)   per place and luma; base = a * luma + b
out = tone(v)

`own` is the share of the pixel's own chroma: `keep` in a colour picture. I is the picture without its row noise.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from davy.domain.dials import (
    CONTRAST_FLOOR,
    CONTRAST_GAIN,
    LIFT_CONTRAST,
    LIFT_SHADOWS,
    LIFT_STOPS,
    LIT,
    MAX_CONTRAST,
    NOISE_KEEP,
    NOISE_STOPS,
    Dials,
)
from davy.imaging.isp.blocks import BlockStatistics, block_size, block_statistics
from davy.imaging.isp.bounds import clip
from davy.imaging.isp.chroma import chroma_shares
from davy.imaging.isp.grid import slice_grid, upsample_cells
from davy.imaging.isp.guided import guided_coefficients
from davy.imaging.isp.luminance import luma
from davy.imaging.isp.rows import darkness, row_offsets
from davy.imaging.isp.scene import colour_evidence, local_luma, scene_means
from davy.imaging.isp.tone import apply_tone, tone_curve_from_steps

GRID_ROWS, GRID_COLUMNS, GRID_BINS, TONE_STEPS = 12, 16, 8, 16
FINE_ROWS, FINE_COLUMNS = 72, 96
MAX_LOG2_GAIN = 5.5  # gain 45 on display values, enough for a picture with mean 3 of 255
MAX_LOG2_FINE_GAIN = 4.0  # range between lamps, arches and near walls inside one cell
MAX_VEIL = 0.4  # display units: light of dust in front of a lamp, and the sensor's purple floor
MIN_NOISE, MAX_NOISE = 0.003, 0.12  # display units
MAX_LOG2_SATURATION = 0.8
COLOUR_TONE_SIZE = 3 + TONE_STEPS  # white balance, tone
GLOBAL_SIZE = COLOUR_TONE_SIZE + 2  # and the strengths against row noise and chroma noise
CELL_SIZE = GRID_BINS + 2 + 2 + 3 + 1  # log-gain per luma bin, colour of the light (red, blue), keep, noise, veil, saturation
FINE_SIZE = GRID_BINS + 3  # log-gain per luma bin, veil


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of the operators, in their units.

    log2_gain: (B, D, rows, columns); log2_colour: (B, 3, rows, columns), of light per channel; keep: (B, 1, rows, columns) in
    [0, 1]; noise: (B, 1, rows, columns), display units; veil: (B, 3, rows, columns), display units, light scattered before
    the scene; log2_saturation: (B, 1, rows, columns), of the base; tone_curve: (B, K + 1).
    fine_log2_gain: (B, D, fine rows, fine columns) and fine_veil: (B, 3, fine rows, fine columns), added to the coarse maps.
    row_noise, chroma_noise: (B, 1) in [0, 1], strengths of the two operators. neutral: (B, 1) in [0, 1], strength of chroma
    denoising in a colourless picture. colour: (B, 1), factor of saturation; 0 is monochrome.
    """

    log2_gain: Tensor
    log2_colour: Tensor
    keep: Tensor
    noise: Tensor
    veil: Tensor
    log2_saturation: Tensor
    tone_curve: Tensor
    fine_log2_gain: Tensor
    fine_veil: Tensor
    row_noise: Tensor
    chroma_noise: Tensor
    neutral: Tensor
    colour: Tensor

    @classmethod
    def from_raw(cls, global_params: Tensor, grid_params: Tensor, fine_params: Tensor | None = None) -> "Parameters":
        """Bound the network's outputs.

        Args:
            global_params: (B, GLOBAL_SIZE); (B, COLOUR_TONE_SIZE) from networks without strengths, which are then 0.
            grid_params: (B, CELL_SIZE, rows, columns).
            fine_params: (B, FINE_SIZE, fine rows, fine columns); None adds nothing to the coarse maps.
        """
        fine = torch.zeros_like(grid_params[:, :FINE_SIZE]) if fine_params is None else fine_params
        global_params = F.pad(global_params, (0, GLOBAL_SIZE - global_params.shape[1]))
        white, steps, row_noise, chroma_noise = torch.split(global_params, [3, TONE_STEPS, 1, 1], 1)
        gain, colour, keep, noise, veil, saturation = torch.split(grid_params, [GRID_BINS, 2, 1, 1, 3, 1], 1)
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
            tone_curve=tone_curve_from_steps(steps),
            fine_log2_gain=MAX_LOG2_FINE_GAIN * torch.tanh(fine_gain / MAX_LOG2_FINE_GAIN),
            fine_veil=MAX_VEIL * torch.tanh(fine_veil),
            row_noise=clip(row_noise, 0, 1),  # a strength of 0 can grow
            chroma_noise=clip(chroma_noise, 0, 1),
            neutral=torch.ones_like(row_noise),
            colour=torch.ones_like(row_noise),
        )

    def at_strength(self, strength: float) -> "Parameters":
        """Blend with the identity: 0 is the identity, 1 the full effect."""
        identity = torch.linspace(0, 1, self.tone_curve.shape[1], dtype=self.tone_curve.dtype, device=self.tone_curve.device)
        linear = ("log2_gain", "log2_colour", "veil", "log2_saturation", "fine_log2_gain", "fine_veil")
        scaled = {name: getattr(self, name) * strength for name in (*linear, "row_noise", "chroma_noise", "neutral")}
        keep, tone_curve = 1 - (1 - self.keep) * strength, identity + (self.tone_curve - identity) * strength
        return replace(self, keep=keep, tone_curve=tone_curve, **scaled)

    def with_dials(self, dials: Dials, around: Tensor) -> "Parameters":
        """Raise the local contrast of what was lifted, apply the operator's dials, and keep highlights from burning out.

        A network that is trained on squared errors gives too little contrast where it is unsure, which is in the dark. Training
        therefore takes the parameters without this step.

        Args:
            dials: See Dials.
            around: Mean luma around each cell, (B, 1, rows, columns), see davy.imaging.isp.scene.local_luma.
        """
        steps = torch.linspace(0, 1, self.log2_gain.shape[1], dtype=around.dtype, device=around.device).view(1, -1, 1, 1)
        bins = steps.square()
        stops = torch.log2((bins + CONTRAST_FLOOR) / (around + CONTRAST_FLOOR)).clamp(-MAX_CONTRAST, MAX_CONTRAST)
        at_mean = (1 - (around.clamp(0, 1).sqrt() - steps).abs() * (self.log2_gain.shape[1] - 1)).clamp_min(0)
        lift = (self.log2_gain * at_mean).sum(1, keepdim=True)  # of the local mean, stops
        raised = LIFT_CONTRAST * (lift / LIFT_STOPS).clamp(0, 1)
        share = torch.where(stops > 0, 1 - bins, LIFT_SHADOWS)  # white is not clipped
        gain = self.log2_gain + CONTRAST_GAIN * stops * (dials.local_contrast + raised * share)
        more, less = max(dials.noise, 0.0), max(-dials.noise, 0.0)
        keep = (self.keep + (1 - self.keep) * less) * (1 - NOISE_KEEP * more)
        return replace(
            self,
            log2_gain=torch.minimum(gain, (LIT / bins.clamp_min(1e-6)).log2().clamp_min(0)),
            keep=keep * (1 + CONTRAST_GAIN * (dials.local_contrast + raised)),
            noise=self.noise * 2 ** (NOISE_STOPS * dials.noise),
            tone_curve=self.tone_curve ** (2**-dials.brightness),
            row_noise=(self.row_noise + (1 - self.row_noise) * more) * (1 - less),
            chroma_noise=(self.chroma_noise + (1 - self.chroma_noise) * more) * (1 - less),
            colour=self.colour * dials.colour,
        )


def _scalar(per_picture: Tensor) -> Tensor:
    return per_picture[:, :, None, None]


def low_resolution_maps(blocks: BlockStatistics, parameters: Parameters) -> Tensor:
    """Compute the maps of v_c = p_c * I_c + q_c * luma + r_c.

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
    tint = evidence * _scalar(parameters.colour).clamp_max(1)  # of the light; a colourless picture gets none
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


def enhance(image: Tensor, parameters: Parameters, blocks: BlockStatistics | None = None, dials: Dials | None = None) -> Tensor:
    """Run the pipeline.

    Args:
        image: Display-encoded RGB, shape (B, 3, H, W), float in [0, 1].
        parameters: The network's output for this picture.
        blocks: Block statistics of the picture; None computes them.
        dials: The operator's corrections, after the contrast of what was lifted; see Parameters.with_dials. None, as in
            training: neither.

    Returns:
        Shape of image, in [0, 1]; differentiable in all.
    """
    height, width = image.shape[2:]
    blocks = blocks or block_statistics(image, block_size(height, width))
    if dials is not None:
        rows, columns = parameters.log2_gain.shape[2:]
        parameters = parameters.with_dials(dials, local_luma(scene_means(blocks), rows, columns))
    maps = low_resolution_maps(blocks, parameters)
    maps = F.interpolate(maps, scale_factor=float(blocks.block), mode="bilinear", align_corners=False)[:, :, :height, :width]
    p, q, r = torch.split(maps, 3, 1)
    return apply_tone(p * image + q * luma(image) + r, parameters.tone_curve)
