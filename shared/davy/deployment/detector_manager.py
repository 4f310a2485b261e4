"""The detector of an analysis: what runs, its comparison with another one, and its swap by rollouts."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from supervision import Detections, box_iou_batch

from davy.deployment.comparison import MAX_PAIRS, Comparison
from davy.deployment.metrics import ModelMetrics
from davy.deployment.package_manager import PackageManager
from davy.domain.boot import new_boot_id
from davy.domain.errors import ModelError
from davy.domain.frame import BgrImage
from davy.domain.topics import EdgeTopics
from davy.imaging.detect import OnnxDetector
from davy.models import Package
from davy.models.detector import load_detector
from davy.models.detector_gates import DetectorMeasurements
from davy.models.gates import Gates
from davy.telemetry import get_logger
from davy.twin.payload import RecordEvent

log = get_logger(__name__)

OVERLAP = 0.5  # of two boxes of one class, from which both detectors mean the same object
CERTAIN = 0.1  # above the threshold; objects near it appear and vanish by chance


class DetectorComparison(Comparison[BgrImage]):
    """Compares two detectors: what both find, and their times on this machine."""

    def __init__(self, old: OnnxDetector, new: OnnxDetector, per_s: float) -> None:
        self._old, self._new, self._measured = old, new, DetectorMeasurements()
        super().__init__(per_s)

    def assess(self, gates: Gates) -> tuple[dict[str, float], Sequence[tuple[str, str]]]:
        """Return the present figures and the failed gates."""
        with self._lock:
            measured = self._measured.copy()
        return measured.figures(), measured.failed_gates(gates)

    def _compare(self, frame: BgrImage, new_first: bool, counts: bool) -> None:
        pair = {True: self._new, False: self._old}
        found = {is_new: _look(pair[is_new], frame) for is_new in ((True, False) if new_first else (False, True))}
        (old, old_s), (new, new_s) = found[False], found[True]
        with self._lock:
            measured = self._measured
            if not counts or old is None or len(measured.new_s) >= MAX_PAIRS:
                return
            if new is None:
                measured.errors += 1
                return
            measured.old_s.append(old_s)
            measured.new_s.append(new_s)
            certain = _certain(old, self._old)
            measured.objects += len(certain)
            measured.found += int(_matched(certain, new).sum())
            measured.extra += int((~_matched(_certain(new, self._new), old)).sum())


def _look(detector: OnnxDetector, image: BgrImage) -> tuple[Detections | None, float]:
    began_s = time.perf_counter()
    try:
        return detector.detect(image), time.perf_counter() - began_s
    except ModelError as error:
        log.warning("detector.failed_in_comparison", model=detector.model, error=str(error))
        return None, 0.0


def _certain(found: Detections, detector: OnnxDetector) -> Detections:
    """Objects that are no accident of the threshold."""
    scores = np.ones(len(found)) if found.confidence is None else found.confidence
    kept = found[scores >= min(1.0, detector.spec.score + CERTAIN)]
    return kept if isinstance(kept, Detections) else Detections.empty()


def _matched(objects: Detections, others: Detections) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Which objects have one of the same class among others at the same place, shape (N,)."""
    if not len(objects) or not len(others):
        return np.zeros(len(objects), bool)
    names, other_names = (np.asarray(each.data["class_name"]) for each in (objects, others))
    same = names[:, None] == other_names[None]
    return np.asarray(((box_iou_batch(objects.xyxy, others.xyxy) >= OVERLAP) & same).any(axis=1))


class ActiveDetector:
    """The detector that all cameras share; a swap replaces it between two looks. Threads may share it."""

    def __init__(self, model: OnnxDetector) -> None:
        self.model = model
        self.comparison: Comparison[BgrImage] | None = None
        self.errors = 0
        self.max_frames_lost = 0  # a look takes the detector that it begins with: a swap costs none

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that it reports."""
        return self.model.classes

    def detect(self, image: BgrImage) -> Detections:
        """Find objects; see davy.imaging.detect.Detector."""
        model, comparison = self.model, self.comparison
        if comparison is not None:
            comparison.offer(image)
        try:
            return model.detect(image)
        except ModelError:
            self.errors += model is self.model
            raise

    def swap(self, model: OnnxDetector, /) -> None:
        """Look with another detector from now on."""
        self.model, self.errors = model, 0

    def compare(self, old: OnnxDetector, new: OnnxDetector, per_s: float) -> DetectorComparison:
        """Start a comparison of two detectors."""
        return DetectorComparison(old, new, per_s)


class DetectorManager(PackageManager[OnnxDetector]):
    """Reconciles the detector of one analysis with rollouts; see PackageManager.

    Args:
        topics: Of the analysis as a device.
        folder: Of the pointer and the packages.
        trust: Key set that authorizes models.
        installed: Detector that runs without a rolled-out one; its execution providers and size of batches are those of all.
        metrics: Of the swaps.
        record_event: Records an event.
        score: Least score in place of that of a model's description.
        reports: Whether this process reports: of several that follow one device's decisions, only one does.
    """

    active_detector: ActiveDetector

    def __init__(
        self,
        topics: EdgeTopics,
        folder: Path,
        trust: Path,
        installed: OnnxDetector,
        metrics: ModelMetrics,
        record_event: RecordEvent,
        score: float | None = None,
        reports: Callable[[], bool] = lambda: True,
    ) -> None:
        self._installed, self._score, self._may_report = installed, score, reports
        super().__init__(topics, new_boot_id(), folder, trust, installed, metrics, record_event)

    def swappable(self, model: OnnxDetector) -> ActiveDetector:
        """What the analysers of all cameras look with."""
        self.active_detector = ActiveDetector(model)
        return self.active_detector

    def open_model(self, package: Package) -> OnnxDetector:
        """Build the detector and run its golden vectors."""
        return load_detector(
            package.manifest, package.files, self._installed.providers, score=self._score, batch=self._installed.batch
        )

    def frame_id(self, model: OnnxDetector) -> str:
        """The id that people read."""
        return model.model

    def reports(self) -> bool:
        """Whether this process reports."""
        return self._may_report()
