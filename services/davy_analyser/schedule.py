"""Which camera is looked at next: the one whose deadline is first, by its newest frame alone."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from davy.domain.camera import CameraAddress
from davy.domain.drops import DropReason
from davy.domain.frame import EncodedFrame
from davy.streams.tasks import wait_for_event

CountDrop = Callable[[DropReason], None]


@dataclass(slots=True)
class LookSchedule:
    """Newest frames of the assigned cameras; any number of tasks may take.

    A camera's deadline is one period after its last look. Where the analyser is too slow for all, every camera is looked at
    equally often.

    Args:
        period_s: Time between two looks at one camera.
        max_age_s: An older frame is dropped.
        count: Counts a dropped frame.
    """

    period_s: float
    max_age_s: float
    count: CountDrop
    _frames: dict[CameraAddress, EncodedFrame] = field(default_factory=dict)
    _looked_s: dict[CameraAddress, float] = field(default_factory=dict)
    _last: dict[CameraAddress, tuple[str, int]] = field(default_factory=dict)
    _busy: set[CameraAddress] = field(default_factory=set)
    _cameras: frozenset[CameraAddress] = frozenset()
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def assign(self, cameras: Collection[CameraAddress]) -> None:
        """Set the cameras; frames of others are forgotten."""
        self._cameras = frozenset(cameras)
        for known in (self._frames, self._looked_s, self._last):
            for camera in known.keys() - self._cameras:
                del known[camera]

    def put(self, frame: EncodedFrame) -> None:
        """Offer a frame; it replaces one that waits."""
        if frame.camera not in self._cameras or self._last.get(frame.camera) == (frame.boot_id, frame.seq):
            return
        if frame.camera in self._frames:
            self.count(DropReason.SUPERSEDED)
        self._frames[frame.camera] = frame
        self._changed.set()

    async def take(self) -> EncodedFrame:
        """Wait for the next frame. Its camera is busy until `done`."""
        while True:
            self._changed.clear()
            self._drop_old()
            ready = [camera for camera in self._frames if camera not in self._busy]
            first = min(ready, key=self._deadline_s, default=None)
            wait_s = None if first is None else self._deadline_s(first) - time.monotonic()
            if first is not None and wait_s is not None and wait_s <= 0:
                return self._begin(first)
            await wait_for_event(self._changed, wait_s)

    def done(self, camera: CameraAddress) -> None:
        """End a look at a camera."""
        self._busy.discard(camera)
        self._changed.set()

    def _begin(self, camera: CameraAddress) -> EncodedFrame:
        frame = self._frames.pop(camera)
        now_s = time.monotonic()
        # The rate holds on average: a source with jitter loses no frame.
        self._looked_s[camera] = max(self._deadline_s(camera), now_s - self.period_s / 2)
        self._last[camera] = (frame.boot_id, frame.seq)
        self._busy.add(camera)
        return frame

    def _deadline_s(self, camera: CameraAddress) -> float:
        looked_s = self._looked_s.get(camera)
        return 0.0 if looked_s is None else looked_s + self.period_s

    def _drop_old(self) -> None:
        for camera in [camera for camera, frame in self._frames.items() if frame.age.seconds() > self.max_age_s]:
            del self._frames[camera]
            self.count(DropReason.TOO_OLD)
