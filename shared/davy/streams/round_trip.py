"""A credit window that follows the round trip: a far aggregator answers late, and that is no reason to send fewer frames."""

import math
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

GROWTH = 4  # at most so many times the window that the aggregator grants
RECENT = 32  # answers of which the quickest is the round trip: queues make the others late
SMOOTHING = 0.2  # weight of the newest interval
MAX_UNANSWERED = 1024


class RoundTripWindow(Generic[K]):
    """Computes the unacknowledged items per key that the path itself holds. Times are of any steady clock, in s.

    The window is `rate * round trip + 1`, from the granted window to 4 times as much. The round trip is the shortest of the
    last 32: a link that is congested answers late and gets no larger window.

    Args:
        granted: The window that the receiver grants.
    """

    def __init__(self, granted: int) -> None:
        self.granted = granted
        self._offered: dict[K, tuple[float, float]] = {}
        self._sent: dict[tuple[K, int], float] = {}
        self._trips: deque[float] = deque(maxlen=RECENT)

    @property
    def window(self) -> int:
        """The unacknowledged items per key, at most."""
        if not self._trips or not self._offered:
            return self.granted
        shortest_s = min((interval for _, interval in self._offered.values() if interval), default=math.inf)
        wanted = math.ceil(min(self._trips) / shortest_s) + 1
        return min(GROWTH * self.granted, max(self.granted, wanted))

    @property
    def slowest_s(self) -> float:
        """The slowest of the last 32 answers, in s; 0 before the first one."""
        return max(self._trips, default=0.0)

    def spare_s(self, key: K) -> float:
        """Return for how long an acknowledgement may wait and hold up no item, in s: half of what the window leaves."""
        if not self._trips or key not in self._offered:
            return 0.0
        return max(0.0, (self.window - 1) * self._offered[key][1] / 2 - min(self._trips))

    def offer(self, key: K, now_s: float) -> None:
        """Record that an item is ready to be sent."""
        before_s, interval_s = self._offered.get(key, (now_s, 0.0))
        newest_s = now_s - before_s
        self._offered[key] = (now_s, interval_s + SMOOTHING * (newest_s - interval_s) if interval_s else newest_s)

    def send(self, key: K, seq: int, now_s: float) -> None:
        """Record that an item was sent."""
        self._sent[key, seq] = now_s
        if len(self._sent) > MAX_UNANSWERED:
            self._sent.pop(next(iter(self._sent)))

    def answer(self, key: K, seq: int, now_s: float) -> None:
        """Record an acknowledgement."""
        sent_s = self._sent.pop((key, seq), None)
        if sent_s is not None:
            self._trips.append(now_s - sent_s)

    def forget(self, key: K) -> None:
        """Remove a key."""
        self._offered.pop(key, None)

    def restart(self, granted: int) -> None:
        """Begin a connection anew, maybe over another path."""
        self.granted = granted
        self._sent.clear()
        self._trips.clear()
