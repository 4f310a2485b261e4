"""Compare a new model with the running one on the same frames, without a reference: picture quality and speed.

Every figure uses luma in [0, 1] on a grid of about 320 x 180 samples, in numpy, as an edge has no OpenCV.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from davy.domain.frame import BgrImage

SAMPLES = 180  # approximate number of sampled rows
BLOCK = 15  # samples per side of a block for noise and unevenness
BURNT = 250  # of 255: channel values from here on are clipped
FLOOR = 0.01
QUANTISATION = 0.3 / 255  # noise of rounding alone
WORST = 10  # per cent of the frames
LATENCY_SLACK_S = 0.002  # timing noise of clock and scheduler


class Gates(BaseModel):
    """Limits of a new model relative to the running one, frame by frame.

    They admit the variation between trainings: noise 0.6 to 2.2 times, brightness 0.7 to 1.2 times. The worst tenth of the
    frames decides, so that good cameras cannot hide a bad one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    brightness_least: float = Field(0.6, ge=0, description="Mean luma, new / old.")
    brightness_most: float = Field(3.0, ge=1, description="Mean luma, new / old; clipping limits it further.")
    clipped_more: float = Field(0.05, ge=0, le=1, description="Fraction of clipped samples, new - old.")
    entropy_less: float = Field(0.8, ge=0, le=8, description="Entropy of the luma histogram in bits, old - new.")
    noise_most: float = Field(3.0, ge=1, description="Residual in the flattest blocks relative to mean luma, new / old.")
    uneven_most: float = Field(1.5, ge=1, description="Standard deviation of the blocks' log2 luma, new / old.")
    latency_most: float = Field(1.5, ge=1, description="95th percentile of the time per frame, new / old.")
    errors_most: float = Field(0.0, ge=0, le=1, description="Fraction of frames on which the model fails.")
    found_least: float = Field(0.5, ge=0, le=1, description="Of a detector: share of the old one's objects that it finds.")
    extra_most: float = Field(2.0, ge=0, description="Of a detector: objects per frame that the old one does not find.")


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate: the setting of its limit in `Gates`, the figure that it compares, and the cause `gate:CAUSE` of a rejection.

    Attributes:
        text: The reason, with the figure as {}.
        is_least: The limit is a minimum; a maximum otherwise.
    """

    setting: str
    figure: str
    cause: str
    text: str
    is_least: bool = False

    def fails(self, gates: Gates, value: float) -> bool:
        """Return whether a figure breaks the limit."""
        limit: float = getattr(gates, self.setting)
        return value < limit if self.is_least else value > limit


ERRORS = Gate("errors_most", "errors", "errors", "it failed on {:.1%} of the frames")
SLOW = Gate("latency_most", "p95-ratio", "slow", "{:.2f} times the time per frame (p95)")
PICTURE_GATES = (
    Gate("brightness_least", "brightness-ratio", "black", "{:.2f} times as bright", is_least=True),
    Gate("brightness_most", "brightness-most", "bright", "{:.2f} times as bright"),
    Gate("clipped_more", "clipped-more", "clipped", "{:.1%} more of the picture is clipped"),
    Gate("entropy_less", "entropy-less", "entropy", "the entropy of its histogram is {:.2f} bits lower"),
    Gate("noise_most", "noise-ratio", "noise", "{:.2f} times as noisy"),
    Gate("uneven_most", "uneven-ratio", "uneven", "{:.2f} times as uneven"),
)
GATES = (*PICTURE_GATES, SLOW, ERRORS)


@dataclass(frozen=True, slots=True)
class FrameStatistics:
    """Statistics of one picture: brightness and clipped in [0, 1], entropy in bits, noise in luma, uneven in stops."""

    brightness: float
    clipped: float
    entropy: float
    noise: float
    uneven: float


def measure_frame(image: BgrImage) -> FrameStatistics:
    """Measure a picture in less than 2 ms, for every size."""
    step = max(1, image.shape[0] // SAMPLES)
    samples = image[::step, ::step]
    luma = np.asarray(samples @ np.array([0.0722, 0.7152, 0.2126], np.float32) / 255, np.float32)
    shares = np.bincount((luma * 255).astype(np.uint8).ravel(), minlength=256) / luma.size
    entropy = -float(np.sum(shares[shares > 0] * np.log2(shares[shares > 0])))
    blocks = _blocks(luma)
    uneven = float(np.log2(blocks.mean((1, 3)) + FLOOR).std())
    residual = np.asarray(
        luma[1:-1, 1:-1] - (luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]) / 4, np.float32
    )
    noise = float(np.percentile(np.abs(_blocks(residual)).mean((1, 3)), 25))
    return FrameStatistics(float(luma.mean()), float((samples.max(2) >= BURNT).mean()), entropy, noise, uneven)


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """View as (rows, BLOCK, columns, BLOCK); a smaller plane is one block."""
    height, width = plane.shape
    if min(height, width) < BLOCK:
        return plane[None, :, None, :].reshape(1, height, 1, width)
    rows, columns = height // BLOCK, width // BLOCK
    return plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)


@dataclass(slots=True)
class ModelMeasurements:
    """Measurements of one model in a shadow comparison: statistics and time in s per frame, and the number of failed frames.

    Both models of a comparison process the same frames in the same order.
    """

    statistics: list[FrameStatistics] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    errors: int = 0

    def values(self, name: str) -> NDArray[np.float64]:
        """One statistic of all frames."""
        return np.array([getattr(each, name) for each in self.statistics], np.float64)

    @property
    def p95_s(self) -> float:
        return float(np.percentile(self.times_s, 95)) if self.times_s else 0.0


def gate_figures(old: ModelMeasurements, new: ModelMeasurements) -> dict[str, float]:
    """Compute the gate figures; only frames and errors if the new model returned no picture."""
    frames = len(new.statistics) + new.errors
    figures = {"frames": float(frames), "errors": new.errors / frames if frames else 0.0}
    if not new.statistics or len(old.statistics) != len(new.statistics):
        return figures
    bright = _ratios(old, new, "brightness", 1 / 255)
    noise = _ratios(old, new, "noise", QUANTISATION) / bright
    return figures | {
        "brightness": round(float(np.median(new.values("brightness"))), 4),
        "brightness-ratio": _round(np.percentile(bright, WORST)),
        "brightness-most": _round(np.percentile(bright, 100 - WORST)),
        "clipped-more": _round(np.percentile(new.values("clipped") - old.values("clipped"), 100 - WORST)),
        "entropy-less": _round(np.percentile(old.values("entropy") - new.values("entropy"), 100 - WORST)),
        "noise-ratio": _round(np.percentile(noise, 100 - WORST)),
        "uneven-ratio": _round(np.percentile(_ratios(old, new, "uneven", 0.2), 100 - WORST)),
        "p95-ms": _round(1000 * new.p95_s),
        "p95-ratio": _round(max(new.p95_s, 1e-6) / max(old.p95_s, 1e-6)),
    }


def _ratios(old: ModelMeasurements, new: ModelMeasurements, name: str, floor: float) -> NDArray[np.float64]:
    """Ratio new / old per frame; the floor limits both values."""
    ratios: NDArray[np.float64] = np.maximum(new.values(name), floor) / np.maximum(old.values(name), floor)
    return ratios


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 3)


def failed_gates(gates: Gates, old: ModelMeasurements, new: ModelMeasurements) -> Sequence[tuple[str, str]]:
    """List the gates that the new model fails, each with a reason; empty if it passes all."""
    figures = gate_figures(old, new)
    if ERRORS.fails(gates, figures["errors"]):
        return [(ERRORS.cause, f"it failed on {new.errors} of {figures['frames']:g} frames")]
    if "brightness" not in figures:
        return []
    slow = new.p95_s - old.p95_s > LATENCY_SLACK_S and _is_slower(gates, old, new)
    checked = (*PICTURE_GATES, SLOW) if slow else PICTURE_GATES
    failed = [(gate, figures[gate.figure]) for gate in checked if gate.fails(gates, figures[gate.figure])]
    return [(gate.cause, gate.text.format(value)) for gate, value in failed]


def _is_slower(gates: Gates, old: ModelMeasurements, new: ModelMeasurements) -> bool:
    """Whether the median frame is slower, too: on a busy machine, one delayed frame moves the p95 of few frames."""
    return _median_s(new) > (1 + (gates.latency_most - 1) / 3) * _median_s(old)


def _median_s(model: ModelMeasurements) -> float:
    return float(np.median(model.times_s)) if model.times_s else 0.0
