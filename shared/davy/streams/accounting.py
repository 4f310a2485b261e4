"""The frame accounting: every frame that a service captured or received ends in exactly one counter.

Before the sinks:  captured = enhanced + dropped (points capture, enhance, encode) + in flight, per camera, at every instant.
After them:        enhanced = sent + dropped (point = the sink) + pending, per camera and sink. An enhanced frame goes to every
sink, and one sink may drop a frame that another one delivers: the sinks' drops are no part of the first sum.
"""

import threading
from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, Self, TypeVar

from davy.domain.drops import SINKS, DropPoint, DropReason

K = TypeVar("K", bound=Hashable)

Cause = tuple[DropPoint, DropReason]
MAX_RETIRED = 256  # removed cameras whose counters are kept; the oldest is forgotten first


@dataclass(slots=True)
class FrameCounters:
    """The frames of one camera. sent is by sink."""

    sinks: tuple[DropPoint, ...] = SINKS
    captured: int = 0
    enhanced: int = 0
    dropped: Counter[Cause] = field(default_factory=Counter)
    sent: Counter[DropPoint] = field(default_factory=Counter)

    @property
    def dropped_before_sinks(self) -> int:
        """Frames dropped in capture, enhancement and encoding."""
        return sum(count for (point, _), count in self.dropped.items() if point not in SINKS)

    @property
    def in_flight(self) -> int:
        """Frames captured and neither enhanced nor dropped."""
        return self.captured - self.enhanced - self.dropped_before_sinks

    def dropped_by(self, sink: DropPoint) -> int:
        """Return the enhanced frames that a sink dropped."""
        return sum(count for (point, _), count in self.dropped.items() if point is sink)

    def pending(self, sink: DropPoint) -> int:
        """Enhanced frames that the sink holds: one that waits, and the unacknowledged ones."""
        return self.enhanced - self.sent[sink] - self.dropped_by(sink) if sink in self.sinks else 0

    def copy(self) -> Self:
        """Return an independent copy."""
        return type(self)(self.sinks, self.captured, self.enhanced, Counter(self.dropped), Counter(self.sent))


class FrameAccounting(Generic[K]):
    """The counters of all cameras of one service. Any thread may write and read.

    Args:
        cameras: The cameras to begin with, by any key that identifies them in this service.
        sinks: The sinks that every enhanced frame goes to.
    """

    def __init__(self, cameras: Iterable[K] = (), sinks: tuple[DropPoint, ...] = SINKS) -> None:
        self._lock = threading.Lock()
        self._sinks = sinks
        self._counters = {camera: FrameCounters(sinks) for camera in cameras}
        self._retired: dict[K, FrameCounters] = {}

    def open(self, camera: K) -> None:
        """Add a camera. One that was removed before continues its counters: its seq must rise."""
        with self._lock:
            self._counters.setdefault(camera, self._of(camera))
            self._retired.pop(camera, None)

    def retire(self, camera: K) -> None:
        """Hide a camera's counters. Frames in flight are still counted."""
        with self._lock:
            counters = self._counters.pop(camera, None)
            if counters is not None:
                self._retired[camera] = counters
            while len(self._retired) > MAX_RETIRED:
                self._retired.pop(next(iter(self._retired)))

    def _of(self, camera: K) -> FrameCounters:
        return self._counters.get(camera) or self._retired.get(camera) or FrameCounters(self._sinks)

    def capture(self, camera: K) -> int:
        """Count a captured frame. Return its seq: 1, 2, 3, ..."""
        with self._lock:
            counters = self._of(camera)
            counters.captured += 1
            return counters.captured

    def enhance(self, camera: K) -> None:
        """Count a frame that is enhanced, encoded and offered to every sink."""
        with self._lock:
            self._of(camera).enhanced += 1

    def send(self, camera: K, sink: DropPoint) -> None:
        """Count an enhanced frame that a sink delivered."""
        with self._lock:
            self._of(camera).sent[sink] += 1

    def drop(self, camera: K, point: DropPoint, reason: DropReason) -> None:
        """Count a dropped frame; point is the place in the pipeline, or the sink."""
        with self._lock:
            self._of(camera).dropped[point, reason] += 1

    def read(self) -> dict[K, FrameCounters]:
        """Return a copy of all counters, taken at one instant."""
        with self._lock:
            return {camera: counters.copy() for camera, counters in self._counters.items()}
