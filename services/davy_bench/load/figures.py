"""What edges and viewers count during a measurement."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np


@dataclass(slots=True)
class Figures:
    """Counts and times of one process; those of several add up.

    Attributes:
        counts: By name: captured, sent, accepted, unsent (no credit in time), events, events-stored, pictures, picture-bytes,
            states, state-bytes, window-events, disconnects.
        ingest_s: Time from a picture's capture to its credit, without the time for which the aggregator held that.
        ages_s: Age of the pictures at viewers.
        late_s: How late the generator itself took its pictures.
        cpu_s: CPU time of the generator, by process.
        span_s: Duration of the measurement.
        errors: Distinct errors.
    """

    counts: Counter[str] = field(default_factory=Counter)
    ingest_s: list[float] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    span_s: float = 0.0
    errors: set[str] = field(default_factory=set)

    def add(self, other: "Figures") -> None:
        """Add the figures of another process of the same measurement."""
        self.counts += other.counts
        for mine, more in (
            (self.ingest_s, other.ingest_s),
            (self.ages_s, other.ages_s),
            (self.late_s, other.late_s),
            (self.cpu_s, other.cpu_s),
        ):
            mine.extend(more)
        self.span_s = max(self.span_s, other.span_s)
        self.errors |= other.errors


def percentile_ms(times_s: list[float], percentile: float) -> float | None:
    """Return a percentile in ms; None of no times."""
    return round(float(np.percentile(times_s, percentile)) * 1000, 1) if times_s else None


def span_ms(times_s: list[float]) -> str:
    """Return p50 and p99 in ms, as a cell of a table."""
    return f"{percentile_ms(times_s, 50)}, {percentile_ms(times_s, 99)}"
