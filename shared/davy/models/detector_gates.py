"""Compare a new detector with the running one on the same pictures, without truth: what both find, and the time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from davy.models.gates import ERRORS, LATENCY_SLACK_S, SLOW, Gate, Gates

ENOUGH_OBJECTS = 20  # of the running detector; fewer say nothing about what the new one misses

MISSES = Gate("found_least", "found-share", "misses", "it finds only {:.0%} of what the running one finds", is_least=True)
INVENTS = Gate("extra_most", "extra", "invents", "it reports {:.1f} further objects per picture")
DETECTOR_GATES = (MISSES, INVENTS, SLOW, ERRORS)


@dataclass(slots=True)
class DetectorMeasurements:
    """A comparison of two detectors.

    Attributes:
        old_s: Time of the running one per picture, s.
        new_s: The same of the new one.
        objects: Objects that the running one found.
        found: How many of them the new one found, too.
        extra: Objects that only the new one found.
        errors: Pictures on which the new one failed.
    """

    old_s: list[float] = field(default_factory=list)
    new_s: list[float] = field(default_factory=list)
    objects: int = 0
    found: int = 0
    extra: int = 0
    errors: int = 0

    def copy(self) -> "DetectorMeasurements":
        """A copy that the comparison does not change."""
        return DetectorMeasurements(list(self.old_s), list(self.new_s), self.objects, self.found, self.extra, self.errors)

    def figures(self) -> dict[str, float]:
        """The gate figures; only frames and errors if the new detector answered no picture."""
        frames = len(self.new_s) + self.errors
        figures = {"frames": float(frames), "errors": self.errors / frames if frames else 0.0}
        if not self.new_s or not self.old_s:
            return figures
        old_s, new_s = (float(np.percentile(times, 95)) for times in (self.old_s, self.new_s))
        figures |= {"p95-ms": round(1000 * new_s, 3), "p95-ratio": round(max(new_s, 1e-6) / max(old_s, 1e-6), 3)}
        figures |= {"objects": float(self.objects), "extra": round(self.extra / len(self.new_s), 3)}
        return figures | ({"found-share": round(self.found / self.objects, 3)} if self.objects else {})

    def failed_gates(self, gates: Gates) -> Sequence[tuple[str, str]]:
        """List the gates that the new detector fails, each with a reason; empty if it passes all."""
        figures = self.figures()
        if ERRORS.fails(gates, figures["errors"]):
            return [(ERRORS.cause, f"it failed on {self.errors} of {figures['frames']:g} pictures")]
        if "extra" not in figures:
            return []
        checked = [INVENTS] + ([MISSES] if self.objects >= ENOUGH_OBJECTS else []) + ([SLOW] if self._is_slower(gates) else [])
        failed = [(gate, figures[gate.figure]) for gate in checked if gate.fails(gates, figures[gate.figure])]
        return [(gate.cause, gate.text.format(value)) for gate, value in failed]

    def _is_slower(self, gates: Gates) -> bool:
        """Whether the median is slower, too; see davy.models.gates."""
        old_s, new_s = float(np.median(self.old_s)), float(np.median(self.new_s))
        return new_s - old_s > LATENCY_SLACK_S and new_s > (1 + (gates.latency_most - 1) / 3) * old_s
