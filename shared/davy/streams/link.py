"""Adaptation to the link: on a slow one, frames get a lower quality, then a smaller size, then a lower rate.

The bandwidth is the largest delivery rate of the last 10 s, over acknowledgements, as in BBR (Cardwell et al., 2016): a rate
below what the link carries only shows that the sender had less to send. Bytes in flight stay near the bandwidth-delay product,
so that no queue in a kernel or router makes frames old. A step down follows congestion at once; a step up is a trial after a
quiet time, which doubles with each trial that fails.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)

FILTER_S = 10.0  # of the bandwidth and of the shortest round trip
DECIDE_S = 0.5
OBSERVED_S = 2.0  # frames that a decision considers
LATE_SHARE = 0.15  # of them late: congestion. A stall of 200 ms in 2 s is none
LATE_TRIP_S = 0.3  # above the shortest round trip: a queue has built up
QUEUE_S = 0.15  # of bytes in flight above the bandwidth-delay product
HEADROOM = 0.8  # of the bandwidth is used
FIRST_FRAMES = 2
SETTLE_S = 1.0  # after a change, frames of the level before are still on their way
QUIET_S, MOST_QUIET_S = 4.0, 64.0
MAX_UNANSWERED = 1024


@dataclass(frozen=True, slots=True)
class Level:
    """How frames are made for a link.

    Args:
        quality: Maximum JPEG quality.
        scale: Width and height, relative to the camera's.
        raw: Whether the raw picture goes along.
        rate: Share of the frames that are sent.
        cost: Bytes per second, relative to level 0: an estimate, for the choice of the next level.
    """

    quality: int
    scale: float
    raw: bool
    rate: float
    cost: float


LEVELS = (
    Level(100, 1.0, True, 1.0, 1.0),
    Level(70, 1.0, True, 1.0, 0.7),
    Level(50, 1.0, True, 1.0, 0.5),
    Level(50, 1.0, False, 1.0, 0.3),
    Level(50, 0.75, False, 1.0, 0.19),
    Level(50, 0.5, False, 1.0, 0.095),
    Level(35, 0.5, False, 1.0, 0.07),
    Level(35, 0.5, False, 0.5, 0.035),
    Level(35, 0.5, False, 0.25, 0.018),
)


@dataclass(frozen=True, slots=True)
class _Sent:
    size: int
    at_s: float
    delivered: int  # bytes, before it was sent
    delivered_s: float
    held: bool  # by the link, before it was sent


class LinkAdaptation(Generic[K]):
    """The level of one link, shared by its cameras. Times are of any steady clock, in s. Used on one thread.

    Args:
        enabled: False keeps level 0 and leaves the bytes in flight unbounded.
    """

    def __init__(self, enabled: bool = True) -> None:
        self._enabled, self.index = enabled, 0
        self._quiet_s, self._changed_s, self._raised = QUIET_S, 0.0, False
        self._decided_s = 0.0
        self._shares: dict[K, float] = {}
        self._frames: deque[tuple[float, int, bool]] = deque()  # time, size, late
        self.restart()

    @property
    def level(self) -> Level:
        """The present level."""
        return LEVELS[self.index]

    @property
    def bandwidth(self) -> float:
        """The bandwidth in bytes/s; 0 if it is unknown."""
        return max((rate for _, rate, _ in list(self._rates)), default=0.0)

    def figures(self) -> dict[str, Any]:
        """Return the level and the bandwidth, ready for JSON; callable from any thread."""
        level = self.level
        known = {"quality": level.quality, "scale": level.scale, "raw": level.raw, "rate": level.rate}
        return {"level": self.index, **known, "bytes_per_s": round(self.bandwidth)}

    def restart(self) -> None:
        """Begin a connection anew; the level stays."""
        self._sent: dict[tuple[K, int], _Sent] = {}
        self._rates: deque[tuple[float, float, bool]] = deque()  # time, bytes/s, held
        self._trips: deque[tuple[float, float]] = deque()
        self._in_flight = self._delivered = 0
        self._delivered_s = 0.0

    def offer(self, key: K, size: int, now_s: float) -> bool:
        """Record a frame that is ready. Return False if the level leaves it out."""
        self._decide(now_s)
        share = self._shares.get(key, 1.0) + self.level.rate
        self._shares[key] = share - 1 if share >= 1 else share
        if share < 1:
            return False
        self._frames.append((now_s, size, False))
        return True

    def late(self, now_s: float) -> None:
        """Record a frame that a newer one replaced, or that became too old, as the link took none."""
        self._frames.append((now_s, 0, True))

    def may_send(self) -> bool:
        """Return whether another frame fits into the bandwidth-delay product; two frames, before it is known."""
        if not self._enabled or not self._in_flight:
            return True
        if not self._rates:
            return len(self._sent) < FIRST_FRAMES
        return self._in_flight < self.bandwidth * (self._shortest_s() + QUEUE_S)

    def is_easy(self) -> bool:
        """Return whether the link carries far more than there is to send, so that an acknowledgement may wait."""
        if not self._enabled:
            return True
        return not self.index and 2 * self._in_flight < self.bandwidth * (self._shortest_s() + QUEUE_S)

    def send(self, key: K, seq: int, size: int, now_s: float, held: bool) -> None:
        """Record that a frame was sent. held: it waited for the link, so that its delivery shows the bandwidth."""
        if not self._in_flight:
            self._delivered_s = now_s
        self._sent[key, seq] = _Sent(size, now_s, self._delivered, self._delivered_s, held)
        self._in_flight += size
        if len(self._sent) > MAX_UNANSWERED:
            self._in_flight -= self._sent.pop(next(iter(self._sent))).size

    def answer(self, key: K, seq: int, now_s: float) -> None:
        """Record an acknowledgement."""
        sent = self._sent.pop((key, seq), None)
        if sent is None:
            return
        self._in_flight -= sent.size
        self._delivered, self._delivered_s = self._delivered + sent.size, max(self._delivered_s, now_s)
        self._trips.append((now_s, now_s - sent.at_s))
        elapsed_s = now_s - sent.delivered_s
        rate = (self._delivered - sent.delivered) / max(elapsed_s, 1e-3)
        self._rates.append((now_s, rate, sent.held))
        for values in (self._rates, self._trips):
            while values and values[0][0] < now_s - FILTER_S:
                values.popleft()

    def forget(self, key: K) -> None:
        """Remove a camera."""
        self._shares.pop(key, None)

    def _shortest_s(self) -> float:
        return min((trip for _, trip in self._trips), default=0.0)

    def _decide(self, now_s: float) -> None:
        if not self._enabled or now_s - self._decided_s < DECIDE_S:
            return
        self._decided_s = now_s
        while self._frames and self._frames[0][0] < now_s - OBSERVED_S:
            self._frames.popleft()
        if now_s - self._changed_s < SETTLE_S + self._shortest_s():
            return
        if self._is_congested(now_s):
            if self._raised:  # the trial failed
                self._quiet_s = min(MOST_QUIET_S, 2 * self._quiet_s)
            self._change(self.index + 1 if self._raised else self._lower(), now_s, raised=False)
        elif now_s - self._changed_s >= self._quiet_s:
            if self._raised:
                self._quiet_s = QUIET_S  # the trial went well
            if self.index and self._has_room():
                self._change(self.index - 1, now_s, raised=True)

    def _is_congested(self, now_s: float) -> bool:
        late = sum(1 for _, _, is_late in self._frames if is_late)
        ready = len(self._frames) - late
        recent = [trip for at_s, trip in self._trips if at_s > now_s - DECIDE_S]
        queued = bool(recent) and min(recent) > self._shortest_s() + LATE_TRIP_S
        return queued or (late >= 2 and late > LATE_SHARE * ready)

    def _need(self) -> float:
        """Bytes per second that are ready to be sent at the present level."""
        return sum(size for _, size, _ in self._frames) / OBSERVED_S

    def _lower(self) -> int:
        """The first lower level that fits the bandwidth."""
        need, bandwidth = self._need(), self.bandwidth
        share = min(1.0, HEADROOM * bandwidth / need) if need and bandwidth else 1.0
        lower = range(self.index + 1, len(LEVELS))
        return next((each for each in lower if LEVELS[each].cost <= share * self.level.cost), len(LEVELS) - 1)

    def _has_room(self) -> bool:
        """Whether the next higher level may fit. Only rates at which the link was the limit tell that it cannot."""
        known = self.bandwidth if any(held for _, _, held in self._rates) else 0.0
        return not known or self._need() * LEVELS[self.index - 1].cost / self.level.cost <= HEADROOM * known

    def _change(self, index: int, now_s: float, raised: bool) -> None:
        self.index, self._changed_s, self._raised = min(index, len(LEVELS) - 1), now_s, raised
        self._frames.clear()
