"""One look at a camera: decode the frame at reduced size and run the analysers that are due."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import cv2
import numpy as np

from davy.adapters.media.jpeg import decode_reduced
from davy.analysis.base import Analyser, Picture
from davy.analysis.illumination import Illumination
from davy.analysis.lens import Lens
from davy.analysis.motion import Motion
from davy.analysis.people import People
from davy.analysis.settings import AnalysisSettings
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError, ModelError
from davy.domain.frame import BgrImage, EncodedFrame
from davy.domain.observation import AnalyserResult
from davy.imaging.detect import Detector, OnnxDetector, read_spec, shipped_path
from davy.place_rules import CameraPlaces

NICENESS = 10
MAX_AGE_S = 2.0  # of an analysed frame

MakeAnalysers = Callable[[CameraAddress], Sequence[Analyser]]


@dataclass(slots=True)
class CameraAnalysis:
    """The analysers of one camera, and when each is due.

    Args:
        analysers: In the order in which they run.
    """

    analysers: Sequence[Analyser]
    due_s: dict[str, float] = field(default_factory=dict)

    def look(self, frame: EncodedFrame, width: int, usual_s: float) -> list[AnalyserResult]:
        """Run the analysers that are due.

        Args:
            frame: The frame; its picture is decoded once.
            width: Width of at least this many px.
            usual_s: Time between two pictures for analysers without a rate of their own, in s.

        Returns:
            One result per analyser that ran. An unreadable frame is the failure of "decode".
        """
        try:
            picture = Picture(_bounded(decode_reduced(frame.jpeg, width), 2 * width), frame.captured_ns)
        except InvalidInputError as error:
            return [AnalyserResult("decode", 0.0, error=str(error))]
        return [self._run(each, picture) for each in self.analysers if self._is_due(each, usual_s)]

    def _is_due(self, analyser: Analyser, usual_s: float) -> bool:
        now_s = time.monotonic()
        if now_s < self.due_s.get(analyser.name, 0.0):
            return False
        self.due_s[analyser.name] = now_s + 0.9 * (analyser.every_s or usual_s)  # frames arrive with jitter
        return True

    def _run(self, analyser: Analyser, picture: Picture) -> AnalyserResult:
        started_s = time.monotonic()
        try:
            return AnalyserResult(analyser.name, 0.0, analyser.analyse(picture)).timed(started_s)
        except (cv2.error, ModelError, ValueError, ArithmeticError, LookupError) as error:
            return AnalyserResult(analyser.name, 0.0, error=str(error)).timed(started_s)


def analysers(
    settings: AnalysisSettings,
    places: Callable[[CameraAddress], CameraPlaces],
    detector: Detector | None,
    zone: Callable[[], tzinfo | None] = lambda: None,
) -> MakeAnalysers:
    """Return a factory of one camera's analysers.

    Args:
        settings: Rates.
        places: Returns the zones, lines and rules of a camera that are in force.
        detector: Shared by all cameras; None finds no objects.
        zone: Returns the time zone of the rules' schedules; None: that of this machine.
    """

    def make(camera: CameraAddress) -> Sequence[Analyser]:
        found: list[Analyser] = [Motion(), Illumination(), Lens()]
        if detector is not None:
            found.append(People(detector, 1 / settings.person_fps, lambda: places(camera), zone))
        return found

    return make


def lower_priority() -> None:
    """Give this thread a low priority, and OpenCV no threads of its own."""
    cv2.setNumThreads(1)
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)  # Linux: of this thread only


def installed_detector(settings: AnalysisSettings) -> OnnxDetector:
    """Open the detector of the settings, or the shipped one.

    Raises:
        ConfigError: its description is malformed, or an execution provider is not installed.
        ModelError: it is unusable.
    """
    path = settings.detector or shipped_path()
    spec = read_spec(path)
    if settings.detector_score is not None:
        spec = spec.model_copy(update={"score": settings.detector_score})
    return OnnxDetector(path, spec, settings.providers, batch=settings.batch)


def _bounded(image: BgrImage, longest: int) -> BgrImage:
    """Reduce an image to a longest side: a tall, narrow one is otherwise far too high."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
