"""The frame ledger: where every frame of an edge went.

Before the sinks:  captured = enhanced + dropped (stages capture, enhance, encode) + in flight, per camera, at every instant.
After them:        enhanced = sent + dropped (stage = the sink) + pending, per camera and sink: an enhanced frame goes to every
sink, and one sink may drop what another delivers, so the sinks' drops are no part of the first sum.
"""

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from davy.telemetry import DropReason, DropStage

Cause = tuple[DropStage, DropReason]
SINKS = (DropStage.MQTT, DropStage.GRPC)
MAX_RETIRED = 256  # cameras that were here; the oldest is forgotten


@dataclass(slots=True)
class FrameCounters:
    """One camera's frames. sent is by sink."""

    sinks: tuple[DropStage, ...] = SINKS
    captured: int = 0
    enhanced: int = 0
    dropped: Counter[Cause] = field(default_factory=Counter)
    sent: Counter[DropStage] = field(default_factory=Counter)

    @property
    def dropped_before_sinks(self) -> int:
        return sum(count for (stage, _), count in self.dropped.items() if stage not in SINKS)

    @property
    def in_flight(self) -> int:
        return self.captured - self.enhanced - self.dropped_before_sinks

    def dropped_by(self, sink: DropStage) -> int:
        return sum(count for (stage, _), count in self.dropped.items() if stage is sink)

    def pending(self, sink: DropStage) -> int:
        """Enhanced frames that the sink holds: one that waits, and those on their way."""
        return self.enhanced - self.sent[sink] - self.dropped_by(sink) if sink in self.sinks else 0

    def copy(self) -> Self:
        return type(self)(self.sinks, self.captured, self.enhanced, Counter(self.dropped), Counter(self.sent))


class FrameAccounting:
    """The accounts of all cameras of one edge; any thread may write and read."""

    def __init__(self, cameras: Iterable[str], sinks: tuple[DropStage, ...] = SINKS) -> None:
        self._lock = threading.Lock()
        self._sinks = sinks
        self._accounts = {camera: FrameCounters(sinks) for camera in cameras}
        self._retired: dict[str, FrameCounters] = {}

    def open(self, camera: str) -> None:
        """Account for a camera from now on; one that was here before goes on where it was, for its seq must rise."""
        with self._lock:
            self._accounts.setdefault(camera, self._of(camera))
            self._retired.pop(camera, None)

    def retire(self, camera: str) -> None:
        """Show a camera's account no longer; frames under way are still entered there."""
        with self._lock:
            account = self._accounts.pop(camera, None)
            if account is not None:
                self._retired[camera] = account
            while len(self._retired) > MAX_RETIRED:
                self._retired.pop(next(iter(self._retired)))

    def _of(self, camera: str) -> FrameCounters:
        return self._accounts.get(camera) or self._retired.get(camera) or FrameCounters(self._sinks)

    def capture(self, camera: str) -> int:
        """A frame came from the camera; returns its seq: 1, 2, 3, ..."""
        with self._lock:
            account = self._of(camera)
            account.captured += 1
            return account.captured

    def enhance(self, camera: str) -> None:
        """A captured frame is enhanced and encoded, and offered to every sink."""
        with self._lock:
            self._of(camera).enhanced += 1

    def send(self, camera: str, sink: DropStage) -> None:
        """A sink delivered an enhanced frame."""
        with self._lock:
            self._of(camera).sent[sink] += 1

    def drop(self, camera: str, stage: DropStage, reason: DropReason) -> None:
        """A frame ends here; stage is where, or the sink that dropped it."""
        with self._lock:
            self._of(camera).dropped[stage, reason] += 1

    def read(self) -> dict[str, FrameCounters]:
        """All accounts at one instant."""
        with self._lock:
            return {camera: account.copy() for camera, account in self._accounts.items()}
