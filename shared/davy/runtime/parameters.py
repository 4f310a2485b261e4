"""The network's outputs as parameters of the pixels, in numpy; `davy.isp.pipeline.Parameters` is the torch twin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from davy.runtime.kernels import TONE_SIZE, Bytes, Floats

BINS = 8
MAX_LOG2_GAIN = 5.5
MAX_BLACK = 0.1
MIN_NOISE, MAX_NOISE = 0.003, 0.12
MAX_LOG2_SATURATION = 0.8


@dataclass(frozen=True, slots=True)
class Parameters:
    """What the pixels need to know, ready for pixels.c.

    cells: (BINS + 5, rows, columns): log2 gain per luma bin, log2 colour of the light (red, green, blue), keep, noise.
    black: display units. log2_saturation: stops. knots: the tone curve at 0, 1/K, ..., 1.
    """

    cells: Floats
    black: float
    log2_saturation: float
    knots: Floats

    @classmethod
    def from_raw(cls, whole: Floats, cells: Floats) -> "Parameters":
        """Bound the network's outputs: whole (5 + K,), cells (BINS + 4, rows, columns)."""
        white, black, saturation, steps = np.split(whole, [3, 4, 5])
        red, blue = cells[BINS], cells[BINS + 1]
        light = np.stack([red, np.zeros_like(red), blue]) + white[:, None, None]
        noise = MIN_NOISE * np.exp(np.float32(np.log(MAX_NOISE / MIN_NOISE)) * _sigmoid(cells[BINS + 3]))
        gain = MAX_LOG2_GAIN * np.tanh(cells[:BINS] / MAX_LOG2_GAIN)
        rising = np.exp(steps - steps.max())
        return cls(
            cells=np.concatenate([gain, np.tanh(light), _sigmoid(cells[BINS + 2])[None], noise[None]]).astype(np.float32),
            black=float(MAX_BLACK * _sigmoid(black - 3)[0]),
            log2_saturation=float(MAX_LOG2_SATURATION * np.tanh(saturation[0])),
            knots=np.concatenate([[0], np.cumsum(rising / rising.sum())]).astype(np.float32),
        )

    def at_strength(self, strength: float) -> "Parameters":
        """Blend towards the identity: 0 is the identity, 1 the whole effect."""
        if strength == 1:
            return self
        cells = self.cells * np.float32(strength)
        cells[BINS + 3] = 1 - (1 - self.cells[BINS + 3]) * np.float32(strength)
        cells[BINS + 4] = self.cells[BINS + 4]
        identity = np.linspace(0, 1, len(self.knots), dtype=np.float32)
        knots = identity + (self.knots - identity) * np.float32(strength)
        return Parameters(cells, self.black * strength, self.log2_saturation * strength, knots)

    def towards(self, other: "Parameters", share: float) -> "Parameters":
        """A step of share (0 to 1) of the way to other: what keeps a video from flickering."""
        return Parameters(
            self.cells + (other.cells - self.cells) * np.float32(share),
            self.black + (other.black - self.black) * share,
            self.log2_saturation + (other.log2_saturation - self.log2_saturation) * share,
            self.knots + (other.knots - self.knots) * np.float32(share),
        )

    def tone_table(self) -> Bytes:
        """The tone curve as TONE_SIZE bytes."""
        at = np.linspace(0, 1, TONE_SIZE)
        values = np.interp(at, np.linspace(0, 1, len(self.knots)), self.knots)
        return np.round(values * 255).astype(np.uint8)

    @property
    def saturation(self) -> float:
        """Factor on the distance from luma."""
        return float(2.0**self.log2_saturation)


def _sigmoid(x: NDArray[np.float32]) -> Floats:
    return (1 / (1 + np.exp(-x))).astype(np.float32)
