"""The interface of an analyser: it receives reduced frames of one camera in order, and returns observations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.event import Mark
from davy.domain.frame import BgrImage
from davy.domain.severity import Severity


@dataclass
class Picture:
    """An enhanced frame at reduced size; derived images are computed once for all analysers.

    Args:
        bgr: (H, W, 3), uint8.
        captured_ns: Unix time in ns.
    """

    bgr: BgrImage
    captured_ns: int

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """(H, W), uint8."""
        return np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    @cached_property
    def thumbnail(self) -> NDArray[np.float32]:
        """(90, 160), float32 in [0, 255]; each value is the mean of its area, which removes sensor noise."""
        return np.asarray(cv2.resize(self.gray, (160, 90), interpolation=cv2.INTER_AREA), dtype=np.float32)


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


class Analyser(Protocol):
    """Analyses the pictures of one camera. Used from one thread."""

    name: str
    every_s: float
    """Minimum time between two pictures in s; 0 takes every picture."""

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Return the observations. Be quick: all cameras share one thread."""
        ...


@dataclass(slots=True)
class Trigger:
    """Hysteresis: raised after raise_after active observations in a row, cleared after clear_after inactive ones.

    Within cooldown_s of one event it raises no other.
    """

    raise_after: int = 2
    clear_after: int = 4
    cooldown_s: float = 30.0
    raised: bool = False
    _streak: int = 0
    _raised_s: float = -1e12
    _silent: bool = False

    def update(self, active: bool, now_s: float) -> Literal["raised", "cleared"] | None:
        """Add one observation. Return the change to report, None if there is none."""
        if active == self.raised:
            self._streak = 0
            return None
        self._streak += 1
        if self._streak < (self.clear_after if self.raised else self.raise_after):
            return None
        self.raised, self._streak = active, 0
        if not active:
            return None if self._silent else "cleared"
        self._silent = now_s - self._raised_s < self.cooldown_s
        if self._silent:
            return None
        self._raised_s = now_s
        return "raised"
