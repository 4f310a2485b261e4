"""Findings become gauges, events and conditions of alarms, whoever analysed the frame."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from davy.analysis.trigger import Trigger
from davy.domain.alarm_rules import DEFAULT_RULES
from davy.domain.alarms import AlarmPoint
from davy.domain.camera import CameraAddress
from davy.domain.errors import ArchiveUnavailableError
from davy.domain.observation import AnalyserResult, Observation
from davy.domain.severity import Severity
from davy.telemetry import get_logger
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.archive import Archive
from davy_aggregator.metrics import AggregatorMetrics

log = get_logger(__name__)

MAX_KINDS = 64  # per camera


@dataclass(slots=True)
class FindingsReporter:
    """Reports findings: those that need an answer as conditions of alarms, the others as events at their begin and end.

    It remembers what holds of each camera: an analyser that takes a camera over begins no event anew.
    """

    archive: Archive
    alarms: AlarmService
    metrics: AggregatorMetrics
    cooldown_s: float
    triggers: dict[CameraAddress, dict[str, Trigger]] = field(default_factory=dict)

    async def report(self, camera: CameraAddress, results: Sequence[AnalyserResult], jpeg: bytes) -> None:
        """Report the results of one frame.

        Args:
            camera: Its camera.
            results: One per analyser that ran.
            jpeg: The frame, for events that begin with it.
        """
        self._measure(camera, results)
        for observation in (observation for each in results for observation in each.observations):
            if observation.severity > Severity.INFO:
                await self._report_condition(camera, observation, jpeg)
            elif change := self._change(camera, observation):
                await self._record_event(camera, observation, change == "raised", jpeg)

    def _change(self, camera: CameraAddress, observation: Observation) -> str | None:
        triggers = self.triggers.setdefault(camera, {})
        if observation.key not in triggers and len(triggers) >= MAX_KINDS:
            return None
        usual = Trigger(1, 1, self.cooldown_s) if observation.part else Trigger(cooldown_s=self.cooldown_s)
        trigger = triggers.setdefault(observation.key, usual)  # a rule has its duration, and needs no further ones
        change = trigger.update(observation.active, time.monotonic())
        return change if change == "raised" or observation.over else None

    def _measure(self, camera: CameraAddress, results: Sequence[AnalyserResult]) -> None:
        for each in results:
            if each.error:
                self.metrics.analysis_errors.labels(each.analyser).inc()
                log.warning("analysis.failed", edge=camera.edge, camera=camera.camera, analyser=each.analyser, error=each.error)
            self.metrics.analysis.labels(each.analyser).observe(each.elapsed_s)
            for observation in each.observations:
                for name, value in observation.figures.items():
                    self.metrics.figure.labels(camera.edge, camera.camera, each.analyser, name).set(value)

    async def _report_condition(self, camera: CameraAddress, observation: Observation, jpeg: bytes) -> None:
        await self.alarms.report(
            AlarmPoint(observation.kind, camera.key, observation.part),
            observation.active,
            observation.message,
            severity=None if observation.kind in DEFAULT_RULES and not observation.part else observation.severity,
            figures=observation.figures,
            picture=jpeg if observation.active else b"",
            marks=observation.marks,
            over=observation.over,
        )

    async def _record_event(self, camera: CameraAddress, observation: Observation, began: bool, jpeg: bytes) -> None:
        try:
            await self.archive.report(
                kind=observation.kind if began else f"{observation.kind}-over",
                message=observation.message if began else observation.over,
                severity=observation.severity if began else Severity.INFO,
                camera=camera.key,
                figures=observation.figures,
                jpeg=jpeg if began else b"",
                marks=observation.marks if began else (),
            )
        except ArchiveUnavailableError as error:
            log.error("event.lost", camera=str(camera), kind=observation.kind, error=str(error))
