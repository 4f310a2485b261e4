"""The offset between two machines' clocks, estimated from the arrival of frames."""

import time
from dataclasses import dataclass

CONFIRM_S = 5.0  # a backlog lasts at most a credit window; a longer delay is a clock offset


@dataclass(slots=True)
class ClockOffset:
    """Estimates how far a sender's clock is behind this machine's clock.

    An offset within `trust_s` counts as 0. A larger delay may be an old frame: frames count as old until the delay has
    lasted for 5 s; from then on it counts as the clocks' difference. A frame from the future corrects the estimate at once.

    Args:
        trust_s: Clocks that differ by less are trusted, in s. 0 trusts no clock: the quickest of the last frames counts
            as new, so that ages are relative to it.
    """

    trust_s: float = 2.0
    offset_ns: int = 0
    _known: bool = False
    _late_since_ns: int = 0
    _late_least_ns: int = 0

    def observe(self, captured_ns: int, received_ns: int | None = None) -> float:
        """Learn from the arrival of a frame. Return its age in s, at least 0.

        Args:
            captured_ns: Unix time in ns on the sender's clock.
            received_ns: Unix time in ns on this machine's clock; now where absent.
        """
        received_ns = received_ns if received_ns is not None else time.time_ns()
        difference = received_ns - captured_ns
        if not self._known and not self.trust_s:
            self._learn(difference)
        late_ns, trust_ns = difference - self.offset_ns, self.trust_s * 1e9
        if late_ns < -trust_ns or (self.offset_ns and late_ns < 0):
            self._learn(difference)
        elif late_ns <= trust_ns:
            self._late_since_ns = 0
        elif not self._late_since_ns:
            self._late_since_ns, self._late_least_ns = received_ns, difference
        else:
            self._late_least_ns = min(self._late_least_ns, difference)
            if received_ns - self._late_since_ns >= CONFIRM_S * 1e9:
                self._learn(self._late_least_ns)
        return self.age_s(captured_ns, received_ns)

    def age_s(self, captured_ns: int, now_ns: int | None = None) -> float:
        """Return the age of a frame in s, at least 0, by the present estimate."""
        return max(0, (now_ns if now_ns is not None else time.time_ns()) - captured_ns - self.offset_ns) / 1e9

    def _learn(self, offset_ns: int) -> None:
        self.offset_ns = offset_ns if abs(offset_ns) > self.trust_s * 1e9 else 0
        self._known, self._late_since_ns = True, 0
