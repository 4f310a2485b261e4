"""Base of the live plane's sinks: one slot per camera, and a reason for every dropped frame."""

import time

from davy.domain.drops import DropPoint, DropReason
from davy.domain.frame import EncodedFrame
from davy.streams.accounting import FrameAccounting
from davy.streams.latest import LatestByKey
from davy.streams.metrics import FrameTimings
from davy.tracing import record_since_mark


class Sink:
    """Slots and accounting of one sink. Use it on the event loop."""

    def __init__(self, point: DropPoint, accounting: FrameAccounting[str], timings: FrameTimings[str]) -> None:
        self.point, self._accounting, self._timings = point, accounting, timings
        self.slots: LatestByKey[str, EncodedFrame] = LatestByKey()
        self.closed = False

    def why_waiting(self, camera: str) -> DropReason:  # noqa: ARG002  # sinks with credits use the camera
        """Return the drop reason of a waiting frame that a newer one replaces."""
        return DropReason.SUPERSEDED

    def offer(self, frame: EncodedFrame) -> None:
        """Put a frame into its camera's slot; never waits."""
        camera = frame.camera.camera
        if self.closed:
            self.drop(frame, DropReason.STOPPED)
        elif (replaced := self.slots.put(camera, frame)) is not None:
            self.drop(replaced, self.why_waiting(camera))

    def drop(self, frame: EncodedFrame, reason: DropReason) -> None:
        """Count a dropped frame."""
        self._accounting.drop(frame.camera.camera, self.point, reason)

    def delivered(self, frame: EncodedFrame, before_s: float = 0.0) -> None:
        """Count a frame, and its age, that was delivered just now, or some seconds before."""
        camera = frame.camera.camera
        self._accounting.send(camera, self.point)
        self._timings.age(camera, self.point, max(0.0, frame.age.seconds() - before_s))
        end_ns = time.time_ns() - round(before_s * 1e9)
        record_since_mark(frame.traceparent, "send", end_ns, camera=str(frame.camera), sink=self.point.value)

    def forget(self, camera: str) -> None:
        """Remove a camera; its waiting frame counts as stopped."""
        waiting = self.slots.pop(camera)
        if waiting is not None:
            self.drop(waiting, DropReason.STOPPED)

    def close(self) -> None:
        """Count the waiting frames, and all later ones, as stopped."""
        self.closed = True
        for _, frame in self.slots.clear():
            self.drop(frame, DropReason.STOPPED)
