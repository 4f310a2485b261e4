"""Bounded parameters of the pixel kernels, in numpy; `davy.imaging.isp.pipeline.Parameters` is the torch equivalent."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

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
from davy.imaging.runtime.kernels import Floats

BINS, TONE_STEPS = 8, 16
MAX_LOG2_GAIN = 5.5
MAX_LOG2_FINE_GAIN = 4.0
MIN_NOISE, MAX_NOISE = 0.003, 0.12
MAX_VEIL = 0.4
MAX_LOG2_SATURATION = 0.8
RAW_CELL_SIZE, FINE_SIZE = BINS + 8, BINS + 3
COLOUR_TONE_SIZE = 3 + TONE_STEPS  # white balance, tone curve
GLOBAL_SIZE = COLOUR_TONE_SIZE + 2  # plus strengths against row and chroma noise, which networks of 0.1.0 lack
KEEP, NOISE = BINS + 3, BINS + 4  # planes of Parameters.grid_params
COLOUR, VEIL, FINE_VEIL = np.s_[BINS : BINS + 3], np.s_[BINS + 5 : BINS + 8], np.s_[BINS:]
BIN_STEPS = np.linspace(0, 1, BINS, dtype=np.float32)[:, None, None]
BIN_LUMA = BIN_STEPS**2  # luma at each bin of the gain
MAX_STOPS = np.maximum(np.log2(LIT / np.maximum(BIN_LUMA, 1e-6)), 0).astype(np.float32)
LUMA = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of one picture, in the layout of the kernels.

    grid_params: (BINS + 9, rows, columns): log2 gain per luma bin, log2 colour of the light (red, green, blue), keep, noise,
    veil (red, green, blue), log2 saturation. fine_params: (BINS + 3, fine rows, fine columns), added to gain and veil.
    tone_curve: (TONE_STEPS + 1,), values at 0, 1/K, ..., 1. local_luma: mean luma around each cell, (rows, columns).
    scalars: row_noise, chroma_noise, evidence of colour, neutral, colour; see davy.imaging.isp.pipeline.
    """

    grid_params: Floats
    fine_params: Floats
    tone_curve: Floats
    local_luma: Floats
    scalars: Floats

    @classmethod
    def from_raw(
        cls,
        global_params: Floats,
        grid_params: Floats,
        fine_params: Floats | None = None,
        evidence: float = 1.0,
        local_luma: Floats | None = None,
    ) -> "Parameters":
        """Bound the network's outputs.

        Args:
            global_params: (GLOBAL_SIZE,); (COLOUR_TONE_SIZE,) from networks without strengths, which are then 0.
            grid_params: (RAW_CELL_SIZE, rows, columns).
            fine_params: (FINE_SIZE, fine rows, fine columns); None adds nothing.
            evidence: Evidence of colour, 0 to 1.
            local_luma: Mean luma around each cell, (rows, columns); see with_dials.
        """
        white, steps, strengths = np.split(np.pad(global_params, (0, GLOBAL_SIZE - len(global_params))), [3, COLOUR_TONE_SIZE])
        gain, red, blue, keep, noise, veil, saturation = np.split(grid_params, np.cumsum([BINS, 1, 1, 1, 1, 3]))
        light = np.concatenate([red, np.zeros_like(red), blue]) + white[:, None, None]
        planes = [
            MAX_LOG2_GAIN * np.tanh(gain / MAX_LOG2_GAIN),
            np.tanh(light),
            _sigmoid(keep),
            MIN_NOISE * np.exp(np.float32(np.log(MAX_NOISE / MIN_NOISE)) * _sigmoid(noise)),
            MAX_VEIL * _sigmoid(veil - 4),
            MAX_LOG2_SATURATION * np.tanh(saturation),
        ]
        rising = np.exp(steps - steps.max())
        return cls(
            grid_params=np.concatenate(planes).astype(np.float32),
            fine_params=_bounded(fine_params) if fine_params is not None else np.zeros((FINE_SIZE, 2, 2), np.float32),
            tone_curve=np.concatenate([[0], np.cumsum(rising / rising.sum())]).astype(np.float32),
            local_luma=np.zeros(grid_params.shape[1:], np.float32) if local_luma is None else local_luma,
            scalars=np.array([*np.clip(strengths, 0, 1), evidence, 1, 1], np.float32),
        )

    def at_strength(self, strength: float) -> "Parameters":
        """Blend with the identity: 0 is the identity, 1 the full effect."""
        if strength == 1:
            return self
        grid = self.grid_params * np.float32(strength)
        grid[KEEP] = 1 - (1 - self.grid_params[KEEP]) * np.float32(strength)
        grid[NOISE] = self.grid_params[NOISE]
        identity = np.linspace(0, 1, len(self.tone_curve), dtype=np.float32)
        tone_curve = identity + (self.tone_curve - identity) * np.float32(strength)
        row, chroma, evidence, neutral, colour = self.scalars
        scalars = np.array([row * strength, chroma * strength, evidence, neutral * strength, colour], np.float32)
        fine = self.fine_params * np.float32(strength)
        return replace(self, grid_params=grid, fine_params=fine, tone_curve=tone_curve, scalars=scalars)

    def with_dials(self, dials: Dials) -> "Parameters":
        """Raise the local contrast of what was lifted, apply the operator's dials, keep highlights from burning out."""
        around = self.local_luma
        stops = np.clip(np.log2((BIN_LUMA + CONTRAST_FLOOR) / (around + CONTRAST_FLOOR)), -MAX_CONTRAST, MAX_CONTRAST)
        at_mean = np.maximum(1 - np.abs(np.sqrt(np.clip(around, 0, 1)) - BIN_STEPS) * (BINS - 1), 0)
        grid = self.grid_params.copy()
        lift = (grid[:BINS] * at_mean).sum(0)  # of the local mean, stops
        raised = LIFT_CONTRAST * np.clip(lift / LIFT_STOPS, 0, 1)
        share = np.where(stops > 0, 1 - BIN_LUMA, np.float32(LIFT_SHADOWS))  # white is not clipped
        more, less = max(dials.noise, 0.0), max(-dials.noise, 0.0)
        gain = grid[:BINS] + CONTRAST_GAIN * stops * (dials.local_contrast + raised * share)
        grid[:BINS] = np.minimum(gain, MAX_STOPS)
        kept = (grid[KEEP] + (1 - grid[KEEP]) * less) * (1 - NOISE_KEEP * more)
        grid[KEEP] = kept * (1 + CONTRAST_GAIN * (dials.local_contrast + raised))
        grid[NOISE] *= 2 ** (NOISE_STOPS * dials.noise)
        tone_curve = (self.tone_curve ** np.float32(2**-dials.brightness)).astype(np.float32)
        row, chroma, evidence, neutral, colour = self.scalars
        row, chroma = ((strength + (1 - strength) * more) * (1 - less) for strength in (row, chroma))
        scalars = np.array([row, chroma, evidence, neutral, colour * dials.colour], np.float32)
        return replace(self, grid_params=grid, tone_curve=tone_curve, scalars=scalars)

    def interpolate(self, other: "Parameters", weight: float) -> "Parameters":
        """Interpolate linearly with weight 0 to 1 of other, at other's resolutions; it keeps a video from flickering."""
        return Parameters(*(_interpolate(getattr(self, name), getattr(other, name), weight) for name in Parameters.__slots__))

    def tinted(self) -> "Parameters":
        """Remove the tint of light and veil in proportion to missing colour, in the picture or by the dials."""
        tint = self.scalars[2] * min(self.scalars[4], np.float32(1))
        if tint == 1:
            return self
        grid, fine = self.grid_params.copy(), self.fine_params.copy()
        grid[COLOUR] *= tint
        for veil in (grid[VEIL], fine[FINE_VEIL]):
            grey = (veil * LUMA).sum(0)
            veil[:] = grey + tint * (veil - grey)
        return replace(self, grid_params=grid, fine_params=fine)


def _bounded(fine: Floats) -> Floats:
    out = np.empty_like(fine)
    out[:BINS] = MAX_LOG2_FINE_GAIN * np.tanh(fine[:BINS] / MAX_LOG2_FINE_GAIN)
    out[BINS:] = MAX_VEIL * np.tanh(fine[BINS:])
    return out


def _interpolate(start: Floats, end: Floats, weight: float) -> Floats:
    step: Floats = end - resized(start, end.shape)
    step *= np.float32(weight - 1)
    step += end
    return step


def resized(planes: Floats, shape: tuple[int, ...]) -> Floats:
    """Resize planes (..., rows, columns) to the resolution of shape, bilinear: models may differ in theirs."""
    if planes.shape == shape:
        return planes
    rows, columns = (_bilinear(new, old) for new, old in zip(shape[-2:], planes.shape[-2:], strict=True))
    return np.ascontiguousarray(rows @ planes @ columns.T, np.float32)


def _bilinear(count: int, cells: int) -> Floats:
    """Matrix (count, cells) that samples cells at count positions, from centre to centre."""
    places = (np.arange(count) + 0.5) * cells / count - 0.5
    return np.stack([np.interp(places, np.arange(cells), unit) for unit in np.eye(cells)], 1).astype(np.float32)


def _sigmoid(x: NDArray[np.float32]) -> Floats:
    sigmoid: Floats = (0.5 + 0.5 * np.tanh(0.5 * x)).astype(np.float32)  # exp overflows far below 0
    return sigmoid
