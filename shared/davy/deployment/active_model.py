"""The active model of an edge's pipelines, and its comparison with another model."""

import time
from collections.abc import Sequence

from davy.adapters.media import planes
from davy.deployment.comparison import MAX_PAIRS, Comparison
from davy.domain.frame import BgrImage, Pixels
from davy.imaging.runtime import StillEnhancer
from davy.models.gates import FrameStatistics, Gates, ModelMeasurements, failed_gates, gate_figures, measure_frame
from davy.telemetry import get_logger

log = get_logger(__name__)


class ShadowComparison(Comparison[Pixels]):
    """Compares two enhancers: figures of both images, and both CPU times.

    CPU time of the thread does not depend on the load of the machine.
    """

    def __init__(self, old: StillEnhancer, new: StillEnhancer, per_s: float) -> None:
        self._old, self._new = old, new
        self._sides = (ModelMeasurements(), ModelMeasurements())
        super().__init__(per_s)

    def assess(self, gates: Gates) -> tuple[dict[str, float], Sequence[tuple[str, str]]]:
        """Return the present figures and the failed gates."""
        old, new = self.read()
        return gate_figures(old, new), failed_gates(gates, old, new)

    def read(self) -> tuple[ModelMeasurements, ModelMeasurements]:
        """Return the present figures of the old and of the new model."""
        with self._lock:
            old, new = (ModelMeasurements(list(side.statistics), list(side.times_s), side.errors) for side in self._sides)
        return old, new

    def _compare(self, frame: Pixels, new_first: bool, counts: bool) -> None:
        sides, picture = ((self._old, 0), (self._new, 1)), planes.bgr_of(frame)
        found = {side: self._measure(still, picture) for still, side in (sides[::-1] if new_first else sides)}
        if counts:
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

    @property
    def model(self) -> StillEnhancer:
        """The active model."""
        return self.enhancer

    def compare(self, old: StillEnhancer, new: StillEnhancer, per_s: float) -> ShadowComparison:
        """Start a comparison of two models."""
        return ShadowComparison(old, new, per_s)

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
