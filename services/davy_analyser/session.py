"""One session with an aggregator: take the assigned cameras, look at their frames, report the findings."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from davy.adapters.grpc.analysis_client import AnalysisClient, AnalysisStream
from davy.adapters.grpc.frame_client import FrameClient
from davy.adapters.grpc.model_client import ModelClient
from davy.analysis.look import MAX_AGE_S, CameraAnalysis, MakeAnalysers, lower_priority
from davy.analysis.places.book import NO_PLACES
from davy.analysis.settings import AnalysisSettings
from davy.domain.age import Age
from davy.domain.camera import CameraAddress
from davy.domain.frame import EncodedFrame
from davy.domain.observation import AnalyserResult, CameraFindings
from davy.place_rules import CameraPlaces
from davy.streams.clock import ClockOffset
from davy.streams.tasks import end, until_first_ends
from davy.telemetry import get_logger
from davy.tracing import record
from davy_analyser.detector import FollowedDetector
from davy_analyser.metrics import AnalyserMetrics
from davy_analyser.pictures import PictureChoice
from davy_analyser.schedule import LookSchedule

log = get_logger(__name__)

CAMERAS_PER_STREAM = 256  # the aggregator's limit
LOOK_TIMEOUT_S = 20.0  # a look that hangs ends the process's session, and its cameras go to others


@dataclass(slots=True)
class _Camera:
    """What is remembered of an assigned camera."""

    analysis: CameraAnalysis
    places: CameraPlaces
    choice: PictureChoice = field(default_factory=PictureChoice)


class Cameras:
    """The assigned cameras with their analysers, which remember tracks and backgrounds.

    Args:
        make: Makes the analysers of a camera.
    """

    def __init__(self) -> None:
        self.make: MakeAnalysers | None = None
        self._cameras: dict[CameraAddress, _Camera] = {}

    def places(self, camera: CameraAddress) -> CameraPlaces:
        """Zones, lines and rules of a camera."""
        found = self._cameras.get(camera)
        return found.places if found is not None else NO_PLACES

    def assign(self, places: Mapping[CameraAddress, CameraPlaces]) -> bool:
        """Set the cameras. Return whether others came or went."""
        assert self.make is not None
        before = self._cameras.keys()
        changed = before != places.keys()
        for gone in before - places.keys():
            del self._cameras[gone]
        for camera, rules in places.items():
            if camera in self._cameras:
                self._cameras[camera].places = rules
            else:
                self._cameras[camera] = _Camera(CameraAnalysis(self.make(camera)), rules)
        return changed

    def get(self, camera: CameraAddress) -> _Camera | None:
        """An assigned camera, or None."""
        return self._cameras.get(camera)


@dataclass(slots=True)
class Session:
    """A connection to one aggregator.

    Args:
        site: Id of the site.
        name: Own name.
        capacity: Share of the cameras.
        settings: Rates and threads.
        cameras: Remembered over sessions: after a lost connection tracks go on.
        metrics: Figures.
        detector: Follows the rollouts of detectors; None where this analyser does not.
    """

    site: str
    name: str
    capacity: int
    settings: AnalysisSettings
    cameras: Cameras
    metrics: AnalyserMetrics
    detector: FollowedDetector | None = None
    _clocks: dict[str, ClockOffset] = field(default_factory=dict)
    _assigned: asyncio.Event = field(default_factory=asyncio.Event)
    _names: list[str] = field(default_factory=list)

    async def run(self, client: AnalysisClient, frames: FrameClient, packages: ModelClient) -> None:
        """Analyse until the connection breaks.

        Args:
            client: Assigns the cameras.
            frames: Brings their pictures.
            packages: Brings rolled-out detectors.

        Raises:
            AggregatorUnavailableError: it broke, or the aggregator stands by.
            InvalidInputError: the aggregator analyses by itself.
            TimeoutError: a look hangs.
        """
        rate = max(self.settings.fps, self.settings.person_fps)
        schedule = LookSchedule(1 / rate, MAX_AGE_S, self.metrics.count_drop)
        threads = ThreadPoolExecutor(self.settings.threads, "analysis", initializer=lower_priority)
        try:
            async with client.analyse(self.site) as stream:
                detector = self.detector
                await stream.hello(self.name, self.capacity, follows=detector is not None)
                receive = detector.receive if detector is not None else _ignore
                works = {f"look-{n}": self._look_on(stream, schedule, threads) for n in range(self.settings.threads)}
                if detector is not None:
                    works["detector"] = detector.report_on(stream, packages)
                await until_first_ends(
                    "session",
                    assignments=stream.run(lambda places: self._assign(places, schedule), receive),
                    frames=self._follow(frames, schedule, rate),
                    **works,
                )
        finally:
            self.metrics.connected.set(0)
            threads.shutdown(wait=False, cancel_futures=True)

    def _assign(self, places: Mapping[CameraAddress, CameraPlaces], schedule: LookSchedule) -> None:
        self.metrics.connected.set(1)
        self.metrics.cameras.set(len(places))
        changed = self.cameras.assign(places)
        schedule.assign(places)
        self._names = sorted(camera.key for camera in places)
        if changed or not self._assigned.is_set():
            log.info("analyser.assigned", cameras=len(places))
            self._assigned.set()

    async def _follow(self, client: FrameClient, schedule: LookSchedule, rate: float) -> None:
        """Subscribe to the assigned cameras, anew whenever they change."""
        following: list[asyncio.Task[None]] = []
        try:
            while True:
                changing = asyncio.create_task(self._assigned.wait())
                done, _ = await asyncio.wait([changing, *following], return_when=asyncio.FIRST_COMPLETED)
                changing.cancel()
                for task in done - {changing}:
                    task.result()
                self._assigned.clear()
                await end(*following)
                following = [
                    asyncio.create_task(self._receive(client, part, schedule, rate), name="analyser.frames")
                    for part in _parts(self._names)
                ]
        finally:
            await end(*following)

    async def _receive(self, client: FrameClient, names: Sequence[str], schedule: LookSchedule, rate: float) -> None:
        async with aclosing(client.frames(names, max_fps=rate)) as frames:
            async for frame in frames:
                self.metrics.received.inc()
                clock = self._clocks.setdefault(frame.camera.edge, ClockOffset())
                schedule.put(replace(frame, age=Age(clock.observe(frame.captured_ns))))

    async def _look_on(self, stream: AnalysisStream, schedule: LookSchedule, threads: ThreadPoolExecutor) -> None:
        while True:
            frame = await schedule.take()
            try:
                async with asyncio.timeout(LOOK_TIMEOUT_S):
                    await self._look(stream, frame, threads)
            finally:
                schedule.done(frame.camera)

    async def _look(self, stream: AnalysisStream, frame: EncodedFrame, threads: ThreadPoolExecutor) -> None:
        known = self.cameras.get(frame.camera)
        if known is None:  # it went to another analyser
            return
        started_s, started_ns = time.monotonic(), time.time_ns()
        results: list[AnalyserResult] = await asyncio.get_running_loop().run_in_executor(
            threads, known.analysis.look, frame, self.settings.width, 1 / self.settings.fps
        )
        record(frame.traceparent, "analyse", started_ns, camera=str(frame.camera))
        age_s = frame.age.seconds()
        self.metrics.look.observe(time.monotonic() - started_s)
        self.metrics.age.observe(age_s)
        jpeg = frame.jpeg if known.choice.wants(results) else b""
        await stream.send(CameraFindings(frame.camera, frame.boot_id, frame.seq, age_s, results, jpeg))


def _ignore(desired: bytes) -> None:
    """Follow no rollouts."""


def _parts(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[first : first + CAMERAS_PER_STREAM] for first in range(0, len(names), CAMERAS_PER_STREAM)]
