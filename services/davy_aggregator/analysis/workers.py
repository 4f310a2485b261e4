"""Analysers that are attached to this aggregator, and the cameras of each."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Gauge, Histogram

from davy.analysis.places.book import PlaceBook
from davy.domain.camera import CameraAddress
from davy.domain.errors import StandbyError
from davy.domain.observation import CameraFindings
from davy.place_rules import CameraPlaces
from davy.telemetry import AGE_BUCKETS_S, get_logger
from davy.twin.model import DesiredModel, ReportedModel
from davy_aggregator.analysis.assignment import assign
from davy_aggregator.analysis.detectors import Follower, desired_of
from davy_aggregator.analysis.findings import FindingsReporter
from davy_aggregator.live import LiveFrames
from davy_aggregator.rollout.rollout import AnalysisDecision

log = get_logger(__name__)

LEASE_S = 1.2  # an analyser that says nothing for so long loses its cameras
CHECK_EVERY_S = 0.5  # for changed cameras and rules


@dataclass(eq=False, slots=True)
class Worker:
    """The open stream of one analyser.

    Args:
        name: As the analyser calls itself.
        capacity: Frames that it analyses at the same time.
        follows: Whether it runs the detectors that are rolled out; an older one does not.
    """

    name: str
    capacity: int
    follows: bool = False
    places: Mapping[CameraAddress, CameraPlaces] = field(default_factory=dict)
    desired: DesiredModel | None = None
    reported: ReportedModel | None = None
    ended: Exception | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._changed.set()  # the first assignment comes at once, even an empty one

    def give(self, places: Mapping[CameraAddress, CameraPlaces], desired: DesiredModel | None) -> None:
        """Set the cameras, with their rules, and the detector to run; None keeps what it runs."""
        if places != self.places or desired != self.desired:
            self.places, self.desired = places, desired
            self._changed.set()

    def end(self, error: Exception) -> None:
        """Make `next` raise an error."""
        self.ended = error
        self._changed.set()

    async def next(self) -> tuple[Mapping[CameraAddress, CameraPlaces], DesiredModel | None]:
        """Wait for a change of the cameras, of their rules or of the detector, and return them."""
        await self._changed.wait()
        self._changed.clear()
        if self.ended is not None:
            raise self.ended
        return self.places, self.desired


class WorkerMetrics:
    """Figures of analysis by workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.workers = Gauge("davy_analysis_workers", "Attached analysers.", registry=registry)
        self.unassigned = Gauge("davy_analysis_cameras_unassigned", "Cameras that no analyser takes.", registry=registry)
        self.detectors = Gauge(
            "davy_analysis_detectors",
            "Attached analysers by detector and by their progress with the rolled-out one; unknown: follows no rollouts.",
            ["model", "state"],
            registry=registry,
        )
        self.age = Histogram(
            "davy_analysis_age_seconds", "Age of a frame at the end of its analysis.", buckets=AGE_BUCKETS_S, registry=registry
        )


class AnalysisWorkers:
    """Shares the cameras out among the attached analysers. Everything runs in one event loop.

    Args:
        live: The cameras.
        book: Their rules.
        reporter: Takes the findings.
        metrics: Counts analysers and cameras.
        check_leads: Raises StandbyError where another aggregator shares the cameras out.
        decision: Returns the detector that they are to run.
    """

    def __init__(
        self,
        live: LiveFrames,
        book: PlaceBook,
        reporter: FindingsReporter,
        metrics: WorkerMetrics,
        check_leads: Callable[[], None],
        decision: Callable[[], AnalysisDecision | None] = lambda: None,
    ) -> None:
        self._live, self._book, self._reporter, self._check_leads = live, book, reporter, check_leads
        self.metrics, self._decision = metrics, decision
        self.reported = asyncio.Event()
        self._workers: dict[Worker, None] = {}
        self._assigned: dict[CameraAddress, Worker] = {}

    @property
    def count(self) -> int:
        """Number of attached analysers."""
        return len(self._workers)

    @property
    def followers(self) -> dict[Worker, Follower]:
        """The analysers that follow rollouts and have reported."""
        return {
            worker: Follower(worker.name, worker.reported, len(worker.places))
            for worker in self._workers
            if worker.follows and worker.reported is not None
        }

    @contextmanager
    def attach(self, name: str, capacity: int, follows: bool = False) -> Iterator[Worker]:
        """Give an analyser cameras for the block.

        Args:
            name: As it calls itself.
            capacity: Frames that it analyses at the same time.
            follows: Whether it runs the detectors that are rolled out.

        Raises:
            StandbyError: another aggregator shares the cameras out.
        """
        self._check_leads()
        worker = Worker(name, capacity, follows)
        self._workers[worker] = None
        log.info("analyser.attached", analyser=name, capacity=capacity, follows=follows)
        self._share_out()
        try:
            yield worker
        finally:
            self._workers.pop(worker, None)
            log.info("analyser.detached", analyser=name)
            self._share_out()

    async def run(self) -> None:
        """Follow changes of cameras, rules and leadership until cancelled."""
        while True:
            try:
                self._check_leads()
            except StandbyError as error:
                for worker in self._workers:
                    worker.end(error)
            self._share_out()
            await asyncio.sleep(CHECK_EVERY_S)

    async def take(self, worker: Worker, findings: CameraFindings) -> None:
        """Report findings. Those of a camera that is another analyser's by now are ignored."""
        if self._assigned.get(findings.camera) is not worker:
            return
        self.metrics.age.observe(findings.age_s)
        jpeg = findings.jpeg or self._newest(findings.camera)
        await self._reporter.report(findings.camera, findings.results, jpeg)

    def take_report(self, worker: Worker, report: ReportedModel) -> None:
        """Take the report of an analyser about its detector."""
        if worker.reported is None or report.state is not worker.reported.state:
            facts = {"state": report.state, "model": report.frame_id, "cause": report.cause, "reason": report.reason}
            log.info("analyser.reported", analyser=worker.name, **facts)
        worker.reported = report
        self.reported.set()
        self._share_out()

    def _newest(self, camera: CameraAddress) -> bytes:
        newest = self._live.newest(camera) if self._live.has(camera) else None
        return newest.frame.jpeg if newest is not None else b""

    def _share_out(self) -> None:
        cameras = self._live.cameras
        self._assigned = assign(cameras, {worker: worker.capacity for worker in self._workers}, self._assigned)
        shares: dict[Worker, dict[CameraAddress, CameraPlaces]] = {worker: {} for worker in self._workers}
        for camera, worker in self._assigned.items():
            shares[worker][camera] = self._book.of(camera)
        desired = desired_of(self._decision(), self.followers)
        for worker, places in shares.items():
            worker.give(places, desired.get(worker))
        self.metrics.workers.set(len(self._workers))
        self.metrics.unassigned.set(len(cameras) - len(self._assigned))
