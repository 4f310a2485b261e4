"""The active model of an edge's pipelines, and its comparison with another model."""

import threading
import time

from davy.adapters.media import planes
from davy.domain.frame import BgrImage, Pixels
from davy.imaging.runtime import StillEnhancer
from davy.models.gates import FrameStatistics, ModelMeasurements, measure_frame
from davy.streams.latest import LatestSlot
from davy.telemetry import get_logger

log = get_logger(__name__)

WARM_UP = 1  # pairs, not counted
MAX_PAIRS = 1000  # per comparison, about 10 minutes


class ShadowComparison:
    """Compares two models on the same frames, in a separate thread: figures of both images, and both CPU times.

    CPU time of the thread does not depend on the load of the machine.

    Args:
        per_s: Frames compared per second, over all cameras; each costs two enhanced frames.
    """

    def __init__(self, old: StillEnhancer, new: StillEnhancer, per_s: float) -> None:
        self._old, self._new, self._every_s = old, new, 1 / per_s
        self._latest: LatestSlot[Pixels] = LatestSlot()
        self._next_s = 0.0
        self._lock = threading.Lock()
        self._sides = (ModelMeasurements(), ModelMeasurements())
        self._thread = threading.Thread(target=self._run, name="model.comparison", daemon=True)
        self._thread.start()

    def offer(self, pixels: Pixels) -> None:
        """Take a raw frame from any thread; never waits."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            self._latest.put(pixels)

    def read(self) -> tuple[ModelMeasurements, ModelMeasurements]:
        """Return the present figures of the old and of the new model."""
        with self._lock:
            old, new = (ModelMeasurements(list(side.statistics), list(side.times_s), side.errors) for side in self._sides)
        return old, new

    def close(self) -> None:
        """End the thread after its current frame."""
        self._latest.close()
        self._thread.join(10.0)

    def _run(self) -> None:
        pairs = 0
        while self._latest.wait():
            pixels = self._latest.take()
            if pixels is None:
                continue
            pairs += 1
            sides = ((self._old, 0), (self._new, 1))
            picture = planes.bgr_of(pixels)
            found = {side: self._measure(still, picture) for still, side in (sides if pairs % 2 else sides[::-1])}
            if pairs <= WARM_UP:  # allocation and cold caches distort the first one
                continue
            with self._lock:
                self._add(found[0], found[1])

    def _add(self, old: tuple[FrameStatistics, float] | None, new: tuple[FrameStatistics, float] | None) -> None:
        """Add the figures of one frame, if both models enhanced it."""
        for side, found in zip(self._sides, (old, new), strict=True):
            side.errors += found is None
            if old is not None and new is not None and found is not None and len(side.statistics) < MAX_PAIRS:
                side.statistics.append(found[0])
                side.times_s.append(found[1])

    def _measure(self, still: StillEnhancer, pixels: BgrImage) -> tuple[FrameStatistics, float] | None:
        began_s = time.thread_time()
        try:
            picture = still.enhance(pixels)
        except Exception as error:  # noqa: BLE001  # a broken new model must not end the comparison
            log.warning("model.failed_in_comparison", model=still.model, error=str(error))
            return None
        took_s = time.thread_time() - began_s
        return measure_frame(picture), took_s


class ActiveModel:
    """The active model. Pipelines read `enhancer` before every frame, so that assigning it swaps between two frames."""

    def __init__(self, enhancer: StillEnhancer) -> None:
        self.enhancer = enhancer
        self.comparison: ShadowComparison | None = None
        self.errors = 0  # frames that the active model failed on, since the swap
        self._lost: dict[str, int] = {}  # by camera: 1 if its first frame with the active model was dropped

    def swap(self, enhancer: StillEnhancer) -> None:
        """Enhance the next frame of every camera with another model."""
        self.enhancer, self.errors, self._lost = enhancer, 0, {}

    def count_error(self, enhancer: StillEnhancer) -> None:
        """Count a frame on which a model failed. Called on a pipeline's thread."""
        if enhancer is self.enhancer:
            self.errors += 1

    def count_first_frame(self, camera: str, emitted: bool) -> None:
        """Count the first frame after a swap; a swap can cost no other. Called on a pipeline's thread."""
        self._lost[camera] = int(not emitted)

    @property
    def max_frames_lost(self) -> int:
        """Return the maximum number of frames that one camera lost to the swap."""
        return max(self._lost.values(), default=0)

    def observe(self, pixels: Pixels) -> None:
        """Offer a raw frame to the comparison. Called on a pipeline's thread; never waits."""
        comparison = self.comparison
        if comparison is not None:
            comparison.offer(pixels)
