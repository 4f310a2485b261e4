"""Analysis in parallel to the live plane: newest frames at a bounded rate, on threads of low priority."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np

from davy.adapters.media.jpeg import decode_reduced
from davy.domain.alarm_rules import DEFAULT_RULES
from davy.domain.alarms import AlarmPoint
from davy.domain.camera import CameraAddress
from davy.domain.errors import ArchiveUnavailableError, InvalidInputError, ModelError
from davy.domain.frame import BgrImage
from davy.domain.severity import Severity
from davy.imaging.detect import OnnxDetector, read_spec, shipped_path
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.analysis.base import Analyser, Observation, Picture, Trigger
from davy_aggregator.analysis.illumination import Illumination
from davy_aggregator.analysis.lens import Lens
from davy_aggregator.analysis.motion import Motion
from davy_aggregator.analysis.people import People
from davy_aggregator.analysis.places.book import PlaceBook
from davy_aggregator.archive import Archive
from davy_aggregator.live import LiveFrame, LiveFrames, Watcher
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.settings import AnalysisSettings

log = get_logger(__name__)

NICENESS = 10
MAX_AGE_S = 2.0  # of an analysed frame
MAX_KINDS = 64  # per camera

MakeAnalysers = Callable[[CameraAddress], Sequence[Analyser]]


@dataclass(slots=True)
class CameraAnalysis:
    """The analysers of one camera and the state of their findings."""

    analysers: Sequence[Analyser]
    due_s: dict[str, float] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AnalyserResult:
    analyser: str
    elapsed_s: float
    observations: Sequence[Observation]
    error: str = ""


async def analyse(
    settings: AnalysisSettings,
    live: LiveFrames,
    archive: Archive,
    alarms: AlarmService,
    metrics: AggregatorMetrics,
    make: MakeAnalysers,
    analyses: Callable[[LiveFrame], bool] = lambda _: True,
) -> None:
    """Analyse every camera's newest frames, and report begins and ends of findings, until cancelled.

    Args:
        analyses: Whether this replica analyses a frame.
    """
    threads = ThreadPoolExecutor(settings.threads, "analysis", initializer=_lower_priority)
    try:
        fps = max(settings.fps, settings.person_fps)
        with live.watch("analysis", max_fps=fps, max_age_s=MAX_AGE_S, relayed=False) as watcher:
            looking = _Looking(settings, watcher, archive, alarms, metrics, make, threads, analyses)
            works = {f"look-{number}": looking.run() for number in range(settings.threads)}
            await until_first_ends("analysis", **works)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


@dataclass(slots=True)
class _Looking:
    """What the tasks that look at cameras share: one looks at a camera at a time, as its analysers remember."""

    settings: AnalysisSettings
    watcher: Watcher
    archive: Archive
    alarms: AlarmService
    metrics: AggregatorMetrics
    make: MakeAnalysers
    threads: ThreadPoolExecutor
    analyses: Callable[[LiveFrame], bool]
    cameras: dict[CameraAddress, CameraAnalysis] = field(default_factory=dict)
    busy: set[CameraAddress] = field(default_factory=set)
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.watcher.may_send = lambda camera: camera not in self.busy

    async def run(self) -> None:
        """Look at one frame after the other, until cancelled."""
        while True:
            async with self.taking:  # a change wakes one of the tasks, which looks at every waiting camera
                newest = await self.watcher.take()
                camera = newest.frame.camera
                self.busy.add(camera)
            try:
                if self.analyses(newest):
                    await self._look(camera, newest)
            finally:
                self.busy.discard(camera)
                self.watcher.wake_for(camera)

    async def _look(self, camera: CameraAddress, newest: LiveFrame) -> None:
        analysis, settings = self.cameras.setdefault(camera, CameraAnalysis(self.make(camera))), self.settings
        results = await asyncio.get_running_loop().run_in_executor(
            self.threads, _analyse_frame, analysis, newest, settings.width, 1 / settings.fps
        )
        _measure(camera, results, self.metrics)
        await _report(newest, analysis, results, settings.cooldown_s, self.archive, self.alarms)


def analysers(settings: AnalysisSettings, book: PlaceBook) -> MakeAnalysers:
    """Return a factory of one camera's analysers.

    Raises:
        ConfigError: the detector's description is malformed, or an execution provider is not installed.
        ModelError: the detector is unusable.
    """
    detector = _detector(settings) if settings.person_fps else None

    def make(camera: CameraAddress) -> Sequence[Analyser]:
        found: list[Analyser] = [Motion(), Illumination(), Lens()]
        if detector is not None:
            found.append(People(detector, 1 / settings.person_fps, lambda: book.of(camera)))
        return found

    return make


def _detector(settings: AnalysisSettings) -> OnnxDetector:
    path = settings.detector or shipped_path()
    spec = read_spec(path)
    if settings.detector_score is not None:
        spec = spec.model_copy(update={"score": settings.detector_score})
    return OnnxDetector(path, spec, settings.providers)


def _lower_priority() -> None:
    cv2.setNumThreads(1)
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)  # Linux: of this thread only


def _analyse_frame(analysis: CameraAnalysis, newest: LiveFrame, width: int, usual_s: float) -> list[AnalyserResult]:
    try:
        picture = Picture(_bounded(decode_reduced(newest.frame.jpeg, width), 2 * width), newest.frame.captured_ns)
    except InvalidInputError as error:
        return [AnalyserResult("decode", 0.0, (), str(error))]
    results = []
    for analyser in analysis.analysers:
        started_s = time.monotonic()
        if started_s < analysis.due_s.get(analyser.name, 0.0):
            continue
        analysis.due_s[analyser.name] = started_s + 0.9 * (analyser.every_s or usual_s)  # frames arrive with jitter
        try:
            observations, failure = analyser.analyse(picture), ""
        except (cv2.error, ModelError, ValueError, ArithmeticError, LookupError) as error:
            observations, failure = (), str(error)
        results.append(AnalyserResult(analyser.name, time.monotonic() - started_s, observations, failure))
    return results


def _bounded(image: BgrImage, longest: int) -> BgrImage:
    """Reduce an image to a longest side: a tall, narrow one is otherwise far too high."""
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _measure(camera: CameraAddress, results: Sequence[AnalyserResult], metrics: AggregatorMetrics) -> None:
    for each in results:
        if each.error:
            metrics.analysis_errors.labels(each.analyser).inc()
            log.warning("analysis.failed", edge=camera.edge, camera=camera.camera, analyser=each.analyser, error=each.error)
        metrics.analysis.labels(each.analyser).observe(each.elapsed_s)
        for observation in each.observations:
            for name, value in observation.figures.items():
                metrics.figure.labels(camera.edge, camera.camera, each.analyser, name).set(value)


async def _report(
    newest: LiveFrame,
    analysis: CameraAnalysis,
    results: Sequence[AnalyserResult],
    cooldown_s: float,
    archive: Archive,
    alarms: AlarmService,
) -> None:
    """Report findings: those that need an answer as conditions of alarms, the others as events at their begin and end."""
    for observation in (observation for each in results for observation in each.observations):
        if observation.severity > Severity.INFO:
            await _report_condition(newest, observation, alarms)
            continue
        key = f"{observation.kind}:{observation.part}"
        if key in analysis.triggers or len(analysis.triggers) < MAX_KINDS:
            usual = Trigger(1, 1, cooldown_s) if observation.part else Trigger(cooldown_s=cooldown_s)  # a rule has its duration
            trigger = analysis.triggers.setdefault(key, usual)
            change = trigger.update(observation.active, time.monotonic())
            if change is not None and (change == "raised" or observation.over):
                await _record_event(newest, observation, change == "raised", archive)


async def _report_condition(newest: LiveFrame, observation: Observation, alarms: AlarmService) -> None:
    await alarms.report(
        AlarmPoint(observation.kind, newest.frame.camera.key, observation.part),
        observation.active,
        observation.message,
        severity=None if observation.kind in DEFAULT_RULES and not observation.part else observation.severity,
        figures=observation.figures,
        picture=newest.frame.jpeg if observation.active else b"",
        marks=observation.marks,
        over=observation.over,
    )


async def _record_event(newest: LiveFrame, observation: Observation, began: bool, archive: Archive) -> None:
    try:
        await archive.report(
            kind=observation.kind if began else f"{observation.kind}-over",
            message=observation.message if began else observation.over,
            severity=observation.severity if began else Severity.INFO,
            camera=newest.frame.camera.key,
            figures=observation.figures,
            jpeg=newest.frame.jpeg if began else b"",
            marks=observation.marks if began else (),
        )
    except ArchiveUnavailableError as error:
        log.error("event.lost", camera=str(newest.frame.camera), kind=observation.kind, error=str(error))
