"""The network's outputs as parameters of the pixels, in numpy; `davy.imaging.isp.pipeline.Parameters` is the torch twin."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from davy.domain.dials import CONTRAST_FLOOR, CONTRAST_GAIN, MAX_CONTRAST, NEUTRAL, NOISE_KEEP, NOISE_STOPS, Dials
from davy.imaging.runtime.kernels import Floats

BINS, TONE_STEPS = 8, 16
MAX_LOG2_GAIN = 5.5
MAX_LOG2_FINE_GAIN = 4.0
MIN_NOISE, MAX_NOISE = 0.003, 0.12
MAX_VEIL = 0.4
MAX_LOG2_SATURATION = 0.8
RAW_CELL_SIZE, FINE_SIZE = BINS + 8, BINS + 3
WHOLE_SIZE = 3 + TONE_STEPS
GLOBAL_SIZE = WHOLE_SIZE + 2  # and strengths against row noise and chroma noise, which networks of 0.1.0 lack
KEEP, NOISE = BINS + 3, BINS + 4  # planes of Parameters.cells
COLOUR, VEIL, FINE_VEIL = np.s_[BINS : BINS + 3], np.s_[BINS + 5 : BINS + 8], np.s_[BINS:]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)[:, None, None]


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the pixels need to know, ready for the kernels.

    cells: (BINS + 9, rows, columns): log2 gain per luma bin, log2 colour of the light (red, green, blue), keep, noise, veil
    (red, green, blue), log2 saturation. fine: (BINS + 3, fine rows, fine columns), added to gain and veil.
    knots: the tone curve at 0, 1/K, ..., 1. around: mean luma around each cell, (rows, columns).
    scalars: row_noise, chroma_noise, evidence of colour, neutral, colour; see davy.imaging.isp.pipeline.
    """

    cells: Floats
    fine: Floats
    knots: Floats
    around: Floats
    scalars: Floats

    @classmethod
    def from_raw(
        cls, whole: Floats, cells: Floats, fine: Floats | None = None, evidence: float = 1.0, around: Floats | None = None
    ) -> "Parameters":
        """Bound the network's outputs.

        Args:
            whole: (GLOBAL_SIZE,); (WHOLE_SIZE,) of networks without strengths: those are then 0.
            cells: (RAW_CELL_SIZE, rows, columns).
            fine: (FINE_SIZE, fine rows, fine columns); None adds nothing.
            evidence: That the picture has colour, 0 to 1.
            around: Mean luma around each cell, (rows, columns); only dials need it.
        """
        white, steps, strengths = np.split(np.pad(whole, (0, GLOBAL_SIZE - len(whole))), [3, WHOLE_SIZE])
        gain, red, blue, keep, noise, veil, saturation = np.split(cells, np.cumsum([BINS, 1, 1, 1, 1, 3]))
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
            cells=np.concatenate(planes).astype(np.float32),
            fine=_bounded(fine) if fine is not None else np.zeros((FINE_SIZE, 2, 2), np.float32),
            knots=np.concatenate([[0], np.cumsum(rising / rising.sum())]).astype(np.float32),
            around=np.zeros(cells.shape[1:], np.float32) if around is None else around,
            scalars=np.array([*np.clip(strengths, 0, 1), evidence, 1, 1], np.float32),
        )

    def at_strength(self, strength: float) -> "Parameters":
        """Blend towards the identity: 0 is the identity, 1 the whole effect."""
        if strength == 1:
            return self
        cells = self.cells * np.float32(strength)
        cells[KEEP] = 1 - (1 - self.cells[KEEP]) * np.float32(strength)
        cells[NOISE] = self.cells[NOISE]
        identity = np.linspace(0, 1, len(self.knots), dtype=np.float32)
        knots = identity + (self.knots - identity) * np.float32(strength)
        row, chroma, evidence, neutral, colour = self.scalars
        scalars = np.array([row * strength, chroma * strength, evidence, neutral * strength, colour], np.float32)
        return replace(self, cells=cells, fine=self.fine * np.float32(strength), knots=knots, scalars=scalars)

    def with_dials(self, dials: Dials) -> "Parameters":
        """Apply the operator's dials."""
        if dials == NEUTRAL:
            return self
        bins = np.linspace(0, 1, BINS, dtype=np.float32)[:, None, None] ** 2
        stops = np.log2((bins + CONTRAST_FLOOR) / (self.around + CONTRAST_FLOOR))
        more, less = max(dials.noise, 0.0), max(-dials.noise, 0.0)
        cells = self.cells.copy()
        cells[:BINS] += CONTRAST_GAIN * dials.local_contrast * np.clip(stops, -MAX_CONTRAST, MAX_CONTRAST)
        kept = (cells[KEEP] + (1 - cells[KEEP]) * less) * (1 - NOISE_KEEP * more)
        cells[KEEP] = kept * (1 + CONTRAST_GAIN * dials.local_contrast)
        cells[NOISE] *= 2 ** (NOISE_STOPS * dials.noise)
        knots = (self.knots ** np.float32(2**-dials.brightness)).astype(np.float32)
        row, chroma, evidence, neutral, colour = self.scalars
        row, chroma = ((strength + (1 - strength) * more) * (1 - less) for strength in (row, chroma))
        scalars = np.array([row, chroma, evidence, neutral, colour * dials.colour], np.float32)
        return replace(self, cells=cells, knots=knots, scalars=scalars)

    def towards(self, other: "Parameters", share: float) -> "Parameters":
        """A step of share (0 to 1) of the way to other, at its resolutions: what keeps a video from flickering."""
        return Parameters(*(_step(getattr(self, name), getattr(other, name), share) for name in Parameters.__slots__))

    def tinted(self) -> "Parameters":
        """Take the tint off light and veil as far as the picture has no colour, or shall have none."""
        tint = self.scalars[2] * min(self.scalars[4], np.float32(1))
        if tint == 1:
            return self
        cells, fine = self.cells.copy(), self.fine.copy()
        cells[COLOUR] *= tint
        for veil in (cells[VEIL], fine[FINE_VEIL]):
            grey = (veil * LUMA).sum(0)
            veil[:] = grey + tint * (veil - grey)
        return replace(self, cells=cells, fine=fine)


def _bounded(fine: Floats) -> Floats:
    out = np.empty_like(fine)
    out[:BINS] = MAX_LOG2_FINE_GAIN * np.tanh(fine[:BINS] / MAX_LOG2_FINE_GAIN)
    out[BINS:] = MAX_VEIL * np.tanh(fine[BINS:])
    return out


def _step(start: Floats, end: Floats, share: float) -> Floats:
    step: Floats = end - resized(start, end.shape)
    step *= np.float32(share - 1)
    step += end
    return step


def resized(planes: Floats, shape: tuple[int, ...]) -> Floats:
    """Planes (..., rows, columns) at the resolution of shape, bilinear: another model may have other maps."""
    if planes.shape == shape:
        return planes
    rows, columns = (_bilinear(new, old) for new, old in zip(shape[-2:], planes.shape[-2:], strict=True))
    return np.ascontiguousarray(rows @ planes @ columns.T, np.float32)


def _bilinear(count: int, cells: int) -> Floats:
    """The matrix (count, cells) that samples cells at count places, from centre to centre."""
    places = (np.arange(count) + 0.5) * cells / count - 0.5
    return np.stack([np.interp(places, np.arange(cells), unit) for unit in np.eye(cells)], 1).astype(np.float32)


def _sigmoid(x: NDArray[np.float32]) -> Floats:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
