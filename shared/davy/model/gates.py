"""Is the new model's picture as good as the old one's, of the same frame, without a reference? And is it as fast?

Every figure is of luma in [0, 1] on a grid of about 320 x 180 samples, in numpy: an edge has no OpenCV.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from davy.frame import BgrImage

SAMPLES = 180  # rows, about
BLOCK = 15  # samples per side of a block for noise and unevenness
BURNT = 250  # of 255: a channel at or above counts as clipped
FLOOR = 0.01
QUANTISATION = 0.3 / 255  # noise below this is that of rounding
LATENCY_SLACK_S = 0.002  # differences below this are the clock's and the scheduler's


class Gates(BaseModel):
    """How far the new model may fall behind the running one. Ratios are new / old, of medians over the frames seen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    brightness_least: float = Field(0.6, ge=0, description="Mean luma, ratio.")
    brightness_most: float = Field(1.8, ge=1, description="Mean luma, ratio.")
    clipped_more: float = Field(0.05, ge=0, le=1, description="Share of burnt-out samples, difference.")
    entropy_less: float = Field(0.8, ge=0, le=8, description="Of the histogram of luma, bits, difference.")
    noise_most: float = Field(1.8, ge=1, description="Residual in the flattest blocks, ratio.")
    uneven_most: float = Field(1.5, ge=1, description="Deviation of the blocks' log2 luma, ratio.")
    latency_most: float = Field(1.5, ge=1, description="p95 of the time for one frame, ratio.")
    errors_most: float = Field(0.0, ge=0, le=1, description="Share of frames that the model failed on.")


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture looks like. brightness, clipped in [0, 1]; entropy in bits; noise in luma; uneven in stops."""

    brightness: float
    clipped: float
    entropy: float
    noise: float
    uneven: float


def look(image: BgrImage) -> Look:
    """Measure a picture; under 2 ms whatever its size."""
    step = max(1, image.shape[0] // SAMPLES)
    seen = image[::step, ::step]
    luma = np.asarray(seen @ np.array([0.0722, 0.7152, 0.2126], np.float32) / 255, np.float32)
    shares = np.bincount((luma * 255).astype(np.uint8).ravel(), minlength=256) / luma.size
    entropy = -float(np.sum(shares[shares > 0] * np.log2(shares[shares > 0])))
    blocks = _blocks(luma)
    uneven = float(np.log2(blocks.mean((1, 3)) + FLOOR).std())
    residual = np.asarray(
        luma[1:-1, 1:-1] - (luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]) / 4, np.float32
    )
    noise = float(np.percentile(np.abs(_blocks(residual)).mean((1, 3)), 25))
    return Look(float(luma.mean()), float((seen.max(2) >= BURNT).mean()), entropy, noise, uneven)


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """View as (rows, BLOCK, columns, BLOCK); a plane smaller than a block is one."""
    height, width = plane.shape
    if min(height, width) < BLOCK:
        return plane[None, :, None, :].reshape(1, height, 1, width)
    rows, columns = height // BLOCK, width // BLOCK
    return plane[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)


@dataclass(slots=True)
class Side:
    """What was seen of one model: a look and a time in s per frame, and how often it failed."""

    looks: list[Look] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    errors: int = 0

    def median(self, name: str) -> float:
        return float(np.median([getattr(each, name) for each in self.looks])) if self.looks else 0.0

    @property
    def p95_s(self) -> float:
        return float(np.percentile(self.times_s, 95)) if self.times_s else 0.0


def figures_of(old: Side, new: Side) -> dict[str, float]:
    """The gate figures, as an operator sees them."""
    seen = len(new.looks) + new.errors
    ratios = {name: _ratio(new.median(name), old.median(name), floor) for name, floor in _FLOORS.items()}
    return {
        "frames": float(seen),
        "errors": new.errors / seen if seen else 0.0,
        "brightness": round(new.median("brightness"), 4),
        "brightness-ratio": ratios["brightness"],
        "clipped-more": round(new.median("clipped") - old.median("clipped"), 4),
        "entropy-less": round(old.median("entropy") - new.median("entropy"), 3),
        "noise-ratio": ratios["noise"],
        "uneven-ratio": ratios["uneven"],
        "p95-ms": round(1000 * new.p95_s, 2),
        "p95-ratio": _ratio(new.p95_s, old.p95_s, 1e-6),
    }


_FLOORS = {"brightness": 1 / 255, "noise": QUANTISATION, "uneven": 0.2}  # below these a ratio means nothing


def _ratio(new: float, old: float, floor: float) -> float:
    return round(max(new, floor) / max(old, floor), 3)


def judge(gates: Gates, old: Side, new: Side) -> Sequence[tuple[str, str]]:
    """The gates that the new model does not pass, each with a sentence; empty where it passes all."""
    figures = figures_of(old, new)
    slow = new.p95_s - old.p95_s > LATENCY_SLACK_S and _is_slower(gates, old, new)
    rules: list[tuple[str, bool, str]] = [
        ("errors", figures["errors"] > gates.errors_most, f"it failed on {new.errors} of {figures['frames']:g} frames"),
        ("black", figures["brightness-ratio"] < gates.brightness_least, _than(figures, "brightness-ratio", "as bright")),
        ("bright", figures["brightness-ratio"] > gates.brightness_most, _than(figures, "brightness-ratio", "as bright")),
        (
            "clipped",
            figures["clipped-more"] > gates.clipped_more,
            f"{figures['clipped-more']:.1%} more of the picture is burnt out",
        ),
        (
            "entropy",
            figures["entropy-less"] > gates.entropy_less,
            f"its histogram holds {figures['entropy-less']:.2f} bits less",
        ),
        ("noise", figures["noise-ratio"] > gates.noise_most, _than(figures, "noise-ratio", "as noisy")),
        ("uneven", figures["uneven-ratio"] > gates.uneven_most, _than(figures, "uneven-ratio", "as uneven")),
        ("slow", slow and figures["p95-ratio"] > gates.latency_most, _than(figures, "p95-ratio", "as long for a frame (p95)")),
    ]
    only_errors = not new.looks
    return [(name, text) for name, broken, text in rules if broken and (name == "errors" or not only_errors)]


def _is_slower(gates: Gates, old: Side, new: Side) -> bool:
    """The typical frame takes longer, too: the p95 of few frames on a busy machine is one frame's bad luck."""
    return _typical_s(new) > (1 + (gates.latency_most - 1) / 3) * _typical_s(old)


def _typical_s(side: Side) -> float:
    return float(np.median(side.times_s)) if side.times_s else 0.0


def _than(figures: dict[str, float], name: str, words: str) -> str:
    value = figures[name]
    return f"{value:.2f} times {words}" if math.isfinite(value) else words
