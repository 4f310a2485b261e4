"""The report of the analysis as one device of rollouts, where analysers carry it out."""

import time
from collections import Counter

from davy.domain.boot import new_boot_id
from davy.domain.errors import BrokerUnavailableError
from davy.domain.ports import Bus, Message
from davy.domain.topics import MODEL, EdgeTopics
from davy.streams.tasks import wait_for_event
from davy.telemetry import get_logger
from davy.twin.model import ReportedModel
from davy_aggregator.analysis.detectors import summarise
from davy_aggregator.analysis.workers import AnalysisWorkers
from davy_aggregator.archive import REPORTER
from davy_aggregator.rollout.rollout import NO_REPORT
from davy_aggregator.rollout.service import RolloutService

log = get_logger(__name__)

LOOK_EVERY_S = 0.5
REPUBLISH_S = 60.0  # a broker without persistence may have lost it


class DetectorReporter:
    """Publishes what attached analysers report, as edges publish their own.

    Args:
        workers: The analysers; their metrics count them by detector.
        rollouts: Decides; only the leader's analysers count.
    """

    def __init__(self, workers: AnalysisWorkers, rollouts: RolloutService) -> None:
        self._workers, self._rollouts = workers, rollouts
        self._topic, self._boot_id = EdgeTopics(rollouts.site, REPORTER).reported(MODEL), new_boot_id()
        self._published, self._published_s = NO_REPORT, 0.0

    async def run(self, bus: Bus) -> None:
        """Publish every change, and the report again now and then, until cancelled."""
        while True:
            self._measure()
            await self._publish(bus)
            await wait_for_event(self._workers.reported, LOOK_EVERY_S)
            self._workers.reported.clear()

    async def _publish(self, bus: Bus) -> None:
        if not self._rollouts.twin.lead.leads:
            self._published = NO_REPORT
            return
        followers, known = self._workers.followers, self._rollouts.view(REPORTER).reported
        if not followers and known is NO_REPORT:  # the broker may not have sent the last one yet
            return
        report = summarise(self._rollouts.analysis_decision(), followers, known)
        report = report.model_copy(update={"boot_id": self._boot_id, "at_ns": 0})
        now_s = time.monotonic()
        if report == self._published and now_s - self._published_s < REPUBLISH_S:
            return
        try:
            await bus.publish(self._message(report))
        except BrokerUnavailableError:  # the next look tries again
            return
        if report.state is not self._published.state:
            log.info("detector.reported", state=report.state, model=report.model[:12], reason=report.reason)
        self._published, self._published_s = report, now_s

    def _message(self, report: ReportedModel) -> Message:
        payload = report.model_copy(update={"at_ns": time.time_ns()}).to_bytes()
        return Message(self._topic, payload, qos=1, retain=True, content_type="application/json")

    def _measure(self) -> None:
        reports = [follower.reported for follower in self._workers.followers.values()]
        found = Counter((each.model[:12] or "installed", str(each.state)) for each in reports)
        others = self._workers.count - found.total()
        detectors = self._workers.metrics.detectors
        detectors.clear()
        for (model, state), count in found.items():
            detectors.labels(model, state).set(count)
        if others:
            detectors.labels("unknown", "").set(others)
