"""Whether the running model still fits a camera: the light now against the light of the time when the model became active.

Each component is a distance in units of what counts as a clear change, so 1 is that; the drift is the largest. What a picture
means to a network (the distance of its embedding from those trained on) is not measured here: an edge has no such network.
The training service has the samples, the embeddings and this measure's reasons to put beside them.
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

# What counts as a clear change, 1 in the measure. In the simulated mine, after ten minutes of learning, 15 more reach 0.3, and
# half or 1.8 times the light 1.5 to 2.
LEVELS = 6.0  # of 255: how far the pixels' brightness has moved on average (earth mover's distance)
DARK_SHARE, CLIPPED_SHARE = 0.15, 0.03  # of the raw picture, more or less
LEFT_DARK, LEFT_CLIPPED, LEFT_UNEVEN = 0.10, 0.03, 0.4  # of what the model makes of it, worse only; uneven relatively
BEGINS, ENDS = 1.0, 0.6  # hysteresis
LEAST_LOOKS = 5
MAX_STEP_S = 30.0  # a camera that was away for an hour does not come back as one look of an hour
_LIGHT_BIN = 256 / BINS
_FIGURES = ("dark", "clipped", "left-dark", "left-clipped", "left-evenness")


class Fit(StrEnum):
    """Whether the model fits."""

    SETTLING = "settling"  # what is usual is still being learned
    FITS = "fits"
    DRIFTED = "drifted"


@dataclass(frozen=True, slots=True)
class Lighting:
    """A mean over time: values are the histogram of raw luma, shape (32,), then the five figures."""

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


def components(usual: Lighting, now: Lighting) -> dict[str, float]:
    """How far now is from usual, by kind; each is at least 0, and 1 is a clear change."""
    moved = float(np.abs(np.cumsum(now.histogram - usual.histogram)).sum()) * _LIGHT_BIN

    def more(name: str) -> float:
        return now.figure(name) - usual.figure(name)

    evenness = usual.figure("left-evenness")
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
    """What is known of a camera's drift now; score and reasons are empty while it settles."""

    fit: Fit = Fit.SETTLING
    model: str = ""
    score: float | None = None
    reasons: Mapping[str, float] | None = None

    def as_json(self) -> dict[str, Any]:
        reasons = {name: round(value, 3) for name, value in (self.reasons or {}).items()}
        score = None if self.score is None else round(self.score, 3)
        return {"state": self.fit.value, "model": self.model, "score": score, "reasons": reasons}


Changed = Callable[[Reading], None]


class Drift:
    """One camera's drift. `observe` is called from one thread, the pipeline's; `reading` from any.

    What is usual survives a restart of the edge; another model begins anew.

    Args:
        path: Where what is usual is kept.
        reference_s: So long after a model became active, what is usual is learned.
        window_s: Time constant of what is now.
        changed: Called when the model begins to fit no more, and when it fits again.
    """

    def __init__(self, path: Path, reference_s: float, window_s: float, changed: Changed) -> None:
        self._path, self._reference_s, self._window_s, self._changed = path, reference_s, window_s, changed
        self._model, self._usual = _load(path)
        self._now = self._usual
        self._learning: Lighting | None = None
        self._looks, self._began_s, self._last_s = 0, 0.0, 0.0
        self.reading = Reading()

    def observe(self, frame: Frame, raw: Light, shown: Light, model: str, now_s: float) -> None:  # noqa: ARG002  # an Observe
        """A frame came by; now_s is of a monotonic clock. A covered lens is no drift, and is left out."""
        if is_blind(raw):
            return
        if model != self._model:
            self._model, self._usual, self._now, self._looks = model, None, None, 0
            self.reading = Reading(model=model)
        lighting = Lighting.of(raw, shown)
        if self._usual is None or self._now is None:
            self._learn(lighting, now_s)
        else:
            step_s = min(max(0.0, now_s - self._last_s), MAX_STEP_S)
            self._now = self._now.toward(lighting, 1 - math.exp(-step_s / self._window_s))
            self._judge(components(self._usual, self._now))
        self._last_s = now_s

    def _learn(self, lighting: Lighting, now_s: float) -> None:
        if self._looks == 0 or self._learning is None:
            self._began_s, self._learning = now_s, lighting
        self._looks += 1
        self._learning = self._learning.toward(lighting, 1 / self._looks)
        if now_s - self._began_s >= self._reference_s and self._looks >= LEAST_LOOKS:
            self._usual = self._now = self._learning
            _save(self._path, self._model, self._usual)

    def _judge(self, reasons: dict[str, float]) -> None:
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
        log.warning("drift.forgotten", path=str(path), error=str(error))
        return "", None
    if values.shape != (BINS + len(_FIGURES),) or not np.isfinite(values).all():
        log.warning("drift.forgotten", path=str(path), error="it has another form")
        return "", None
    return model, Lighting(values)


def _save(path: Path, model: str, usual: Lighting) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, json.dumps({"model": model, "values": usual.values.tolist()}).encode())
    except OSError as error:  # it will be learned again after a restart
        log.warning("drift.not_kept", path=str(path), error=str(error))
