"""What both sinks of the live plane share: one slot per camera, and a reason for every frame that is not sent."""

from davy.telemetry import DropReason, DropStage
from davy_edge.frames.accounting import FrameAccounting
from davy_edge.frames.captured_frame import Outgoing
from davy_edge.frames.latest import LatestByKey
from davy_edge.metrics import Timings


class Sink:
    """One sink's slots and its side of the ledger. Used on the event loop."""

    def __init__(self, stage: DropStage, ledger: FrameAccounting, timings: Timings) -> None:
        self.stage, self._ledger, self._timings = stage, ledger, timings
        self.slots: LatestByKey[Outgoing] = LatestByKey()
        self.closed = False

    def why_waiting(self, camera: str) -> DropReason:  # noqa: ARG002  # sinks with credits look at the camera
        """The reason that is counted when a frame that waits is displaced by a newer one."""
        return DropReason.SUPERSEDED

    def offer(self, outgoing: Outgoing) -> None:
        """Put a frame into its camera's slot; never waits."""
        camera = outgoing.frame.camera.camera
        if self.closed:
            self.drop(outgoing, DropReason.STOPPED)
        elif (displaced := self.slots.put(camera, outgoing)) is not None:
            self.drop(displaced, self.why_waiting(camera))

    def drop(self, outgoing: Outgoing, reason: DropReason) -> None:
        self._ledger.drop(outgoing.frame.camera.camera, self.stage, reason)

    def delivered(self, outgoing: Outgoing) -> None:
        camera = outgoing.frame.camera.camera
        self._ledger.send(camera, self.stage)
        self._timings.age(camera, self.stage, outgoing.age_s)

    def forget(self, camera: str) -> None:
        """A camera is gone: count its frame that still waits as stopped."""
        waiting = self.slots.pop(camera)
        if waiting is not None:
            self.drop(waiting, DropReason.STOPPED)

    def close(self) -> None:
        """Count what still waits as stopped, and whatever is offered from now on."""
        self.closed = True
        for _, outgoing in self.slots.clear():
            self.drop(outgoing, DropReason.STOPPED)
