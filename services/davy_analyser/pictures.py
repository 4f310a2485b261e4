"""Which findings carry their picture: those with which an event may begin."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from davy.domain.observation import AnalyserResult

FIRST = 3  # active observations in a row: an event begins with the second at the latest
AGAIN_S = 10.0  # a condition with a delay becomes an alarm later


@dataclass(slots=True)
class PictureChoice:
    """Decides for the findings of one camera.

    Args:
        clock: Seconds; replaced in tests.
    """

    clock: Callable[[], float] = time.monotonic
    _streaks: dict[str, int] = field(default_factory=dict)
    _sent_s: dict[str, float] = field(default_factory=dict)

    def wants(self, results: Sequence[AnalyserResult]) -> bool:
        """Return whether the aggregator may need the picture of these findings."""
        wanted = [self._wants(each.key, each.active) for result in results for each in result.observations]
        return any(wanted)

    def _wants(self, key: str, active: bool) -> bool:
        if not active:
            self._streaks.pop(key, None)
            return False
        streak = self._streaks[key] = self._streaks.get(key, 0) + 1
        if streak > FIRST and self.clock() - self._sent_s.get(key, 0.0) < AGAIN_S:
            return False
        self._sent_s[key] = self.clock()
        return True
