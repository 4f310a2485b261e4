"""Hysteresis of findings, and the time before one is reported again."""

from dataclasses import dataclass
from typing import Literal


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
