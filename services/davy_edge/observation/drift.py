"""Drift of a camera: the present light against the reference light, learned when the model became active.

Each component is a distance in units of a clear change, so that 1 is a clear change. The score is the largest component.
Drift in embedding space is measured by the training service: an edge has no embedding network.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from davy.atomic import write_atomic
from davy.domain.frame import Frame
from davy.telemetry import get_logger
from davy_edge.observation.light import BINS, Light
from davy_edge.observation.selection import is_blind

log = get_logger(__name__)

# Clear changes, 1 in the measure. In the simulated mine, after ten minutes of learning, fifteen more reach 0.3, and half or
# 1.8 times the light reaches 1.5 to 2.
LEVELS = 6.0  # of 255: earth mover's distance of the luma histograms
DARK_SHARE, CLIPPED_SHARE = 0.15, 0.03  # of the raw image, more or less
LEFT_DARK, LEFT_CLIPPED, LEFT_UNEVEN = 0.10, 0.03, 0.4  # of the enhanced image, only worse; uneven is relative
BEGINS, ENDS = 1.0, 0.6  # hysteresis
MIN_OBSERVATIONS = 5
MAX_STEP_S = 30.0  # an observation after an hour offline does not weigh an hour
_LIGHT_BIN = 256 / BINS
_FIGURES = ("dark", "clipped", "left-dark", "left-clipped", "left-evenness")


class Fit(StrEnum):
    """State of a camera's drift."""

    LEARNING = "settling"  # the reference is not complete
    FITS = "fits"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Lighting:
    """Mean light over time: values are the histogram of raw luma, shape (32,), then the five figures."""

    values: NDArray[np.float64]

    @classmethod
    def of(cls, raw: Light, shown: Light) -> "Lighting":
        return cls(np.array([*raw.histogram, raw.dark, raw.clipped, shown.dark, shown.clipped, shown.evenness]))

    def toward(self, other: "Lighting", weight: float) -> "Lighting":
        return Lighting(self.values + weight * (other.values - self.values))

    @property
    def histogram(self) -> NDArray[np.float64]:
        return self.values[:BINS]

    def figure(self, name: str) -> float:
        return float(self.values[BINS + _FIGURES.index(name)])


def components(reference: Lighting, now: Lighting) -> dict[str, float]:
    """Return the distance between two lightings, by kind; each is at least 0, and 1 is a clear change."""
    moved = float(np.abs(np.cumsum(now.histogram - reference.histogram)).sum()) * _LIGHT_BIN

    def more(name: str) -> float:
        return now.figure(name) - reference.figure(name)

    evenness = reference.figure("left-evenness")
    return {
        "brightness": moved / LEVELS,
        "dark": abs(more("dark")) / DARK_SHARE,
        "clipped": abs(more("clipped")) / CLIPPED_SHARE,
        "left-dark": max(0.0, more("left-dark")) / LEFT_DARK,
        "left-clipped": max(0.0, more("left-clipped")) / LEFT_CLIPPED,
        "left-uneven": max(0.0, -more("left-evenness")) / max(evenness, 0.02) / LEFT_UNEVEN,
    }


@dataclass(frozen=True, slots=True)
class Reading:
    """Present drift of a camera; score and reasons are empty while the reference is learned."""

    fit: Fit = Fit.LEARNING
    model: str = ""
    score: float | None = None
    reasons: Mapping[str, float] | None = None

    def as_json(self) -> dict[str, Any]:
        reasons = {name: round(value, 3) for name, value in (self.reasons or {}).items()}
        score = None if self.score is None else round(self.score, 3)
        return {"state": self.fit.value, "model": self.model, "score": score, "reasons": reasons}


Changed = Callable[[Reading], None]


class Drift:
    """Measures the drift of one camera. Call `observe` from the pipeline's thread; read `reading` from any thread.

    The reference survives a restart of the edge; another model starts a new one.

    Args:
        path: File of the reference.
        reference_s: Time in s after a model change in which the reference is learned.
        window_s: Time constant of the present light in s.
        changed: Called when drift begins, and when it ends.
    """

    def __init__(self, path: Path, reference_s: float, window_s: float, changed: Changed) -> None:
        self._path, self._reference_s, self._window_s, self._changed = path, reference_s, window_s, changed
        self._model, self._reference = _load(path)
        self._now = self._reference
        self._learning: Lighting | None = None
        self._observations, self._began_s, self._last_s = 0, 0.0, 0.0
        self.reading = Reading()

    def observe(self, frame: Frame, raw: Light, shown: Light, model: str, now_s: float) -> None:  # noqa: ARG002  # an Observe
        """Add an observation; now_s is of a monotonic clock. Ignore a covered lens: that is no drift."""
        if is_blind(raw):
            return
        if model != self._model:
            self._model, self._reference, self._now, self._observations = model, None, None, 0
            self.reading = Reading(model=model)
        lighting = Lighting.of(raw, shown)
        if self._reference is None or self._now is None:
            self._learn(lighting, now_s)
        else:
            step_s = min(max(0.0, now_s - self._last_s), MAX_STEP_S)
            self._now = self._now.toward(lighting, 1 - math.exp(-step_s / self._window_s))
            self._score(components(self._reference, self._now))
        self._last_s = now_s

    def _learn(self, lighting: Lighting, now_s: float) -> None:
        if self._observations == 0 or self._learning is None:
            self._began_s, self._learning = now_s, lighting
        self._observations += 1
        self._learning = self._learning.toward(lighting, 1 / self._observations)
        if now_s - self._began_s >= self._reference_s and self._observations >= MIN_OBSERVATIONS:
            self._reference = self._now = self._learning
            _save(self._path, self._model, self._reference)

    def _score(self, reasons: dict[str, float]) -> None:
        score, before = max(reasons.values()), self.reading.fit
        drifted = score >= (ENDS if before is Fit.DRIFTED else BEGINS)
        self.reading = Reading(Fit.DRIFTED if drifted else Fit.FITS, self._model, score, reasons)
        if drifted is not (before is Fit.DRIFTED):
            self._changed(self.reading)


def _load(path: Path) -> tuple[str, Lighting | None]:
    try:
        found = json.loads(path.read_text())
        values = np.array(found["values"], np.float64)
        model = str(found["model"])
    except FileNotFoundError:
        return "", None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("drift.reference_lost", path=str(path), error=str(error))
        return "", None
    if values.shape != (BINS + len(_FIGURES),) or not np.isfinite(values).all():
        log.warning("drift.reference_lost", path=str(path), error="unknown format")
        return "", None
    return model, Lighting(values)


def _save(path: Path, model: str, reference: Lighting) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"model": model, "values": reference.values.tolist()}).encode())
    except OSError as error:  # a restart learns the reference again
        log.warning("drift.reference_not_saved", path=str(path), error=str(error))
