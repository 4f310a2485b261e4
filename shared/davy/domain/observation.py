"""Findings of analysers in the frames of a camera."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from davy.domain.camera import CameraAddress
from davy.domain.event import Mark
from davy.domain.severity import Severity


@dataclass(frozen=True, slots=True)
class Observation:
    """A finding of one analyser in one picture.

    Args:
        kind: Event kind, `[a-z0-9-]{1,64}`.
        active: Whether the finding applies to this picture. An event needs several in a row (see Trigger).
        severity: Above info the finding is the condition of an alarm; the rule of its kind has the delays.
        message: Text of the event at its beginning, one sentence.
        over: Text of the event at its end; empty: no such event.
        figures: Values for gauges and for the event.
        marks: What was found in the picture.
        part: Name of the rule about a place that found it; empty for the whole picture.
    """

    kind: str
    active: bool
    severity: Severity
    message: str
    over: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    marks: Sequence[Mark] = ()
    part: str = ""

    @property
    def key(self) -> str:
        """Its name among the findings of a camera."""
        return f"{self.kind}:{self.part}"


@dataclass(frozen=True, slots=True)
class AnalyserResult:
    """The result of one analyser on one picture.

    Args:
        analyser: Its name.
        elapsed_s: Time that it took, in s.
        observations: What it found.
        error: Why it failed; empty if it succeeded.
    """

    analyser: str
    elapsed_s: float
    observations: Sequence[Observation] = ()
    error: str = ""

    def timed(self, started_s: float) -> Self:
        """Return the result with the time since started_s, in s of time.monotonic."""
        return replace(self, elapsed_s=time.monotonic() - started_s)


@dataclass(frozen=True, slots=True)
class CameraFindings:
    """The results of all analysers on one frame.

    Args:
        camera: The camera of the frame.
        boot_id: Boot of its edge.
        seq: Number of the frame.
        age_s: Age of the frame at the end of the analysis, in s.
        results: One per analyser that was due.
        jpeg: The frame, where an event may begin with it; else empty.
    """

    camera: CameraAddress
    boot_id: str
    seq: int
    age_s: float
    results: Sequence[AnalyserResult]
    jpeg: bytes = field(default=b"", repr=False)
