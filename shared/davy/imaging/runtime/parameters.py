"""The network's outputs as parameters of the pixels, in numpy; `davy.imaging.isp.pipeline.Parameters` is the torch twin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davy.imaging.runtime.kernels import Floats

BINS, ROWS, COLUMNS, TONE_STEPS = 8, 12, 16, 16
MAX_LOG2_GAIN = 5.5
MIN_NOISE, MAX_NOISE = 0.003, 0.12
MAX_VEIL = 0.4
MAX_LOG2_SATURATION = 0.8
RAW_CELL_SIZE = BINS + 8
WHOLE_SHAPE, CELLS_SHAPE = (3 + TONE_STEPS,), (RAW_CELL_SIZE, ROWS, COLUMNS)  # what the kernels are built for
KEEP, NOISE = BINS + 3, BINS + 4  # planes of Parameters.cells


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the pixels need to know, ready for the kernels.

    cells: (BINS + 9, rows, columns): log2 gain per luma bin, log2 colour of the light (red, green, blue), keep, noise, veil
    (red, green, blue), log2 saturation. knots: the tone curve at 0, 1/K, ..., 1.
    """

    cells: Floats
    knots: Floats

    @classmethod
    def from_raw(cls, whole: Floats, cells: Floats) -> "Parameters":
        """Bound the network's outputs: whole (3 + K,), cells (RAW_CELL_SIZE, rows, columns)."""
        white, steps = np.split(whole, [3])
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
        knots = np.concatenate([[0], np.cumsum(rising / rising.sum())])
        return cls(np.concatenate(planes).astype(np.float32), knots.astype(np.float32))

    def at_strength(self, strength: float) -> "Parameters":
        """Blend towards the identity: 0 is the identity, 1 the whole effect."""
        if strength == 1:
            return self
        cells = self.cells * np.float32(strength)
        cells[KEEP] = 1 - (1 - self.cells[KEEP]) * np.float32(strength)
        cells[NOISE] = self.cells[NOISE]
        identity = np.linspace(0, 1, len(self.knots), dtype=np.float32)
        return Parameters(cells, identity + (self.knots - identity) * np.float32(strength))

    def towards(self, other: "Parameters", share: float) -> "Parameters":
        """A step of share (0 to 1) of the way to other: what keeps a video from flickering."""
        part = np.float32(share)
        return Parameters(self.cells + (other.cells - self.cells) * part, self.knots + (other.knots - self.knots) * part)


def _sigmoid(x: NDArray[np.float32]) -> Floats:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
