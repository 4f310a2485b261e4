"""How old a frame is when two machines' clocks disagree."""

import time
from dataclasses import dataclass

SKEW_NS = 2_000_000_000  # an edge drops a frame long before it is this late
CONFIRM_NS = 5_000_000_000  # a backlog is at most a credit window long; what lasts longer than this is the clocks' difference


@dataclass(slots=True)
class EdgeClock:
    """The difference of one edge's clock to ours, learnt from when its frames arrive.

    Within 2 s both clocks are taken at their word. A larger difference may be an old frame, so frames count as old until it
    has lasted for 5 s: then it is the clock, and no frame is dropped for it (F13). A frame from the future is the clock's
    doing at once.
    """

    offset_ns: int = 0
    _late_since_ns: int = 0
    _late_least_ns: int = 0

    @property
    def skew_ms(self) -> float:
        """How far the edge's clock is behind ours, in ms; 0 where they agree within 2 s."""
        return self.offset_ns / 1e6

    def observe(self, captured_ns: int, received_ns: int | None = None) -> int:
        """Learn from a live frame's receipt, and tell how old it was, in ns, at least 0."""
        received_ns = received_ns if received_ns is not None else time.time_ns()
        difference = received_ns - captured_ns
        late_ns = difference - self.offset_ns
        if late_ns < -SKEW_NS or (self.offset_ns and late_ns < 0):
            self._learn(difference)
        elif late_ns <= SKEW_NS:
            self._late_since_ns = 0
        elif not self._late_since_ns:
            self._late_since_ns, self._late_least_ns = received_ns, difference
        else:
            self._late_least_ns = min(self._late_least_ns, difference)
            if received_ns - self._late_since_ns >= CONFIRM_NS:
                self._learn(self._late_least_ns)
        return self.age_ns(captured_ns, received_ns)

    def age_ns(self, captured_ns: int, now_ns: int | None = None) -> int:
        """How old a frame is now by what is known of the clock, in ns, at least 0."""
        return max(0, (now_ns if now_ns is not None else time.time_ns()) - captured_ns - self.offset_ns)

    def _learn(self, offset_ns: int) -> None:
        self.offset_ns = offset_ns if abs(offset_ns) > SKEW_NS else 0
        self._late_since_ns = 0
