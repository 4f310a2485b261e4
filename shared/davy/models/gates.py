"""Is the new model's picture as good as the old one's, of the same frame, without a reference? And is it as fast?

Every figure is of luma in [0, 1] on a grid of about 320 x 180 samples, in numpy: an edge has no OpenCV.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from davy.domain.frame import BgrImage

SAMPLES = 180  # rows, about
BLOCK = 15  # samples per side of a block for noise and unevenness
BURNT = 250  # of 255: a channel at or above counts as clipped
FLOOR = 0.01
QUANTISATION = 0.3 / 255  # noise below this is that of rounding
WORST = 10  # per cent of the frames
LATENCY_SLACK_S = 0.002  # differences below this are the clock's and the scheduler's


class Gates(BaseModel):
    """How far the new model may fall behind the running one: wide enough for what training changes (of three other trainings,
    noise 0.6 to 2.2, brightness 0.7 to 1.2), each frame with itself; the worst tenth of the frames counts, so
    that one camera of several cannot hide behind the others."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    brightness_least: float = Field(0.6, ge=0, description="Mean luma, new / old.")
    brightness_most: float = Field(3.0, ge=1, description="Mean luma, new / old; what is too bright is burnt out first.")
    clipped_more: float = Field(0.05, ge=0, le=1, description="Share of burnt-out samples, new - old.")
    entropy_less: float = Field(0.8, ge=0, le=8, description="Of the histogram of luma, bits, old - new.")
    noise_most: float = Field(3.0, ge=1, description="Residual in the flattest blocks as a share of the mean luma, new / old.")
    uneven_most: float = Field(1.5, ge=1, description="Deviation of the blocks' log2 luma, new / old.")
    latency_most: float = Field(1.5, ge=1, description="p95 of the time for one frame, new / old.")
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
    """What was seen of one model: a look and a time in s per frame, the same frames in the same order on both sides of a duel;
    and on how many further frames it failed."""

    looks: list[Look] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    errors: int = 0

    def values(self, name: str) -> NDArray[np.float64]:
        """One figure of every look."""
        return np.array([getattr(each, name) for each in self.looks], np.float64)

    @property
    def p95_s(self) -> float:
        return float(np.percentile(self.times_s, 95)) if self.times_s else 0.0


def figures_of(old: Side, new: Side) -> dict[str, float]:
    """The gate figures, as an operator sees them; empty but for errors where the new model made no picture."""
    seen = len(new.looks) + new.errors
    figures = {"frames": float(seen), "errors": new.errors / seen if seen else 0.0}
    if not new.looks or len(old.looks) != len(new.looks):
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


def _ratios(old: Side, new: Side, name: str, floor: float) -> NDArray[np.float64]:
    """New / old per frame; below the floor a ratio means nothing."""
    ratios: NDArray[np.float64] = np.maximum(new.values(name), floor) / np.maximum(old.values(name), floor)
    return ratios


def _round(value: float | np.floating[Any]) -> float:
    return round(float(value), 3)


def judge(gates: Gates, old: Side, new: Side) -> Sequence[tuple[str, str]]:
    """The gates that the new model does not pass, each with a sentence; empty where it passes all."""
    figures = figures_of(old, new)
    if figures["errors"] > gates.errors_most:
        return [("errors", f"it failed on {new.errors} of {figures['frames']:g} frames")]
    if "brightness" not in figures:
        return []
    slow = new.p95_s - old.p95_s > LATENCY_SLACK_S and _is_slower(gates, old, new)
    least, most, clipped = figures["brightness-ratio"], figures["brightness-most"], figures["clipped-more"]
    entropy, noise, uneven, p95 = (figures[name] for name in ("entropy-less", "noise-ratio", "uneven-ratio", "p95-ratio"))
    rules = [
        ("black", least < gates.brightness_least, f"{least:.2f} times as bright"),
        ("bright", most > gates.brightness_most, f"{most:.2f} times as bright"),
        ("clipped", clipped > gates.clipped_more, f"{clipped:.1%} more of the picture is burnt out"),
        ("entropy", entropy > gates.entropy_less, f"its histogram holds {entropy:.2f} bits less"),
        ("noise", noise > gates.noise_most, f"{noise:.2f} times as noisy"),
        ("uneven", uneven > gates.uneven_most, f"{uneven:.2f} times as uneven"),
        ("slow", slow and p95 > gates.latency_most, f"{p95:.2f} times as long for a frame (p95)"),
    ]
    return [(name, text) for name, broken, text in rules if broken]


def _is_slower(gates: Gates, old: Side, new: Side) -> bool:
    """The typical frame takes longer, too: the p95 of few frames on a busy machine is one frame's bad luck."""
    return _typical_s(new) > (1 + (gates.latency_most - 1) / 3) * _typical_s(old)


def _typical_s(side: Side) -> float:
    return float(np.median(side.times_s)) if side.times_s else 0.0
