"""How old a frame is when two machines' clocks disagree."""

import time
from dataclasses import dataclass

SKEW_NS = 2_000_000_000  # an edge never sends a frame this late, so a larger difference is the clocks'
WINDOW_NS = 30_000_000_000


@dataclass(slots=True)
class EdgeClock:
    """The smallest difference between receipt and capture over the last 30 to 60 s, per edge.

    Where it is below SKEW_NS both clocks are taken at their word. Above it, it is taken for the clocks' offset: a live frame
    never travels that long, and no frame is dropped because a clock is wrong (F13).
    """

    newest_min_ns: int | None = None
    older_min_ns: int | None = None
    window_end_ns: int = 0

    @property
    def skew_ms(self) -> float:
        """How far the edge's clock is behind ours, in ms; 0 where the difference may be travel time."""
        return self._offset_ns() / 1e6

    def age_ns(self, captured_ns: int, received_ns: int | None = None) -> int:
        """How long before its receipt a frame was captured, in ns, at least 0."""
        received_ns = received_ns if received_ns is not None else time.time_ns()
        difference = received_ns - captured_ns
        if self.newest_min_ns is None or abs(difference - self._smallest_ns()) > SKEW_NS:  # first frame, or a clock was set
            self.newest_min_ns, self.older_min_ns = difference, None
            self.window_end_ns = received_ns + WINDOW_NS
        elif not self.window_end_ns - WINDOW_NS <= received_ns < self.window_end_ns:
            self.older_min_ns, self.newest_min_ns = self.newest_min_ns, difference
            self.window_end_ns = received_ns + WINDOW_NS
        self.newest_min_ns = min(self.newest_min_ns, difference)
        return max(0, difference - self._offset_ns())

    def _smallest_ns(self) -> int:
        known = [value for value in (self.newest_min_ns, self.older_min_ns) if value is not None]
        return min(known, default=0)

    def _offset_ns(self) -> int:
        smallest = self._smallest_ns()
        return smallest if abs(smallest) > SKEW_NS else 0
