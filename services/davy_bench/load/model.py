"""A model of the aggregator's cost: a price per unit of work, fitted to measured loads, for loads that no machine here makes.

Processor time of aggregators = sum of price x units per second. The prices are non-negative least squares. The error is
that of each measured load as predicted from the others.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import ValidationError
from scipy.optimize import nnls

from davy.domain.errors import ConfigError
from davy_bench.load.plan import LoadPlan
from davy_bench.quality.table import grid

UNITS: Final = {
    "aggregator": "aggregators, whatever they do",
    "camera": "cameras, whether they send or not",
    "frame": "frames received",
    "tile": "pictures sent to windows",
    "size": "pictures scaled, once for all windows that show one camera",
    "event": "events stored",
}
USABLE = 0.7  # of a core: an aggregator works in one event loop, and ages grow before it is full
MIN_RESULTS = 4


@dataclass(frozen=True, slots=True)
class Load:
    """Units of work per second, by name of UNITS, and the cores that they took; None for a load that was not measured."""

    units: Mapping[str, float]
    cores: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted load.

    Attributes:
        cores: Cores by unit, of one aggregator if one could carry all.
        prices_ms: Milliseconds of a core per unit; for an aggregator and a camera, per second.
        errors: Relative error of each measured load, as predicted from the others.
    """

    cores: Mapping[str, float]
    prices_ms: Mapping[str, float]
    errors: Sequence[float]

    @property
    def aggregators(self) -> int:
        """Number of aggregators that carry the load, each at USABLE of a core."""
        idle = self.prices_ms["aggregator"] / 1000
        return max(1, int(np.ceil((sum(self.cores.values()) - self.cores["aggregator"]) / (USABLE - idle))))

    @property
    def total(self) -> float:
        """Cores of all aggregators."""
        return sum(self.cores.values()) + self.cores["aggregator"] * (self.aggregators - 1)


def load_of(plan: LoadPlan) -> Load:
    """Return the units of a load that is only planned."""
    tiles = min(plan.tiles, plan.all_cameras)
    sent = plan.viewers * tiles * plan.shown_fps
    distinct = tiles if plan.same else min(plan.viewers * tiles, plan.all_cameras)
    scaled = distinct * plan.shown_fps if plan.tile_width and plan.viewers and plan.viewing == "window" else 0.0
    counts = {"frame": plan.frames_s, "tile": sent, "size": scaled, "event": plan.events}
    return Load({"aggregator": 1.0, "camera": float(plan.all_cameras), **counts})


def read(path: Path) -> Load:
    """Read a measured load, as `davy load --out` writes it.

    Raises:
        ConfigError: it is no such file.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        planned, span_s = load_of(LoadPlan(**found["plan"])), found["span_s"]
        pictures, events = found["viewers"]["pictures"] / span_s, found["events"]["stored"] / span_s
        scaled = planned.units["size"] * min(1.0, found["viewers"]["delivered"])
        counts = {"frame": found["frames"]["per_s"], "tile": pictures, "size": scaled, "event": events}
        cores = sum(each["cores"] for each in found["aggregators"])
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise ConfigError(f"{path} is no result of davy load --out: {error}") from error
    return Load({"aggregator": float(len(found["aggregators"])), "camera": planned.units["camera"], **counts}, cores)


def predict(plan: LoadPlan, measured: Sequence[Load]) -> Prediction:
    """Predict the cost of a planned load.

    Raises:
        ConfigError: there are fewer than MIN_RESULTS measured loads.
    """
    if len(measured) < MIN_RESULTS:
        raise ConfigError(f"a model needs at least {MIN_RESULTS} measured loads, got {len(measured)}")
    prices, wanted = _prices(measured), load_of(plan).units
    errors = [_error(load, [other for other in measured if other is not load]) for load in measured]
    return Prediction(
        {name: prices[name] * wanted[name] for name in UNITS}, {name: 1000 * prices[name] for name in UNITS}, errors
    )


def table(plan: LoadPlan, found: Prediction) -> list[str]:
    """Return a prediction as lines of Markdown."""
    wanted = load_of(plan).units
    times = {name: float(found.aggregators) if name == "aggregator" else wanted[name] for name in UNITS}
    rows = [
        (UNITS[name], f"{found.prices_ms[name]:.3f}", f"{times[name]:.0f}", f"{found.prices_ms[name] * times[name] / 1000:.2f}")
        for name in UNITS
    ]
    rows.append(("all", "", "", f"{found.total:.2f}"))
    lines = grid(("unit", "ms of a core", "per second", "cores"), rows)
    worst, mean = 100 * max(map(abs, found.errors)), 100 * float(np.mean(np.abs(found.errors)))
    return [
        *lines,
        "",
        f"{found.aggregators} aggregators, each at {100 * USABLE:.0f} % of a core.",
        f"Error of a measured load as predicted from the others: mean {mean:.0f} %, worst {worst:.0f} %.",
    ]


def _prices(measured: Sequence[Load]) -> dict[str, float]:
    """Fit the prices; each load weighs by its relative error."""
    rows = np.array([[load.units[name] for name in UNITS] for load in measured])  # (loads, units)
    cores = np.array([load.cores for load in measured], dtype=float)
    found, _ = nnls(rows / cores[:, None], np.ones(len(measured)))
    return dict(zip(UNITS, map(float, found), strict=True))


def _error(load: Load, others: Sequence[Load]) -> float:
    prices = _prices(others)
    assert load.cores is not None
    return sum(prices[name] * load.units[name] for name in UNITS) / load.cores - 1
