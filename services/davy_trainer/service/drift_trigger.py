"""Runs that start automatically on drift: an `adapt` run for cameras whose drift lasts and that are not cooling down."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from davy.domain.errors import DavyError
from davy_trainer.service.aggregator import AggregatorClient
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.record import RunRecord, RunState, StartRun
from davy_trainer.service.run_service import RunService
from davy_trainer.service.schedule import start_automatically

DRIFT = "drift"  # the trigger of these runs
MAX_REASON = 500  # characters


class DriftCounter:
    """Counts, per camera, consecutive checks with drift above the limit."""

    def __init__(self, above: float, checks: int) -> None:
        self._above, self._checks = above, checks
        self.counts: dict[str, int] = {}

    def observe(self, cameras: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Count a check; return the cameras whose drift lasted for enough checks, by name."""
        above = {str(each["camera"]): each for each in cameras if each.get("score") and float(each["score"]) >= self._above}
        self.counts = {name: self.counts.get(name, 0) + 1 for name in above}
        return {name: each for name, each in above.items() if self.counts[name] >= self._checks}


class DriftTrigger:
    """Starts runs by one measure of drift.

    Args:
        measured: What the measure compares, for people: light or picture.
    """

    def __init__(self, runs: RunService, metrics: TrainerMetrics, counter: DriftCounter, measured: str) -> None:
        self._runs, self._metrics, self._counter, self._measured = runs, metrics, counter, measured

    async def observe(self, cameras: Sequence[dict[str, Any]]) -> None:
        """Count a check of all cameras (camera, score, reasons); start a run if drift lasted."""
        found = self._counter.observe(cameras)
        for each in cameras:
            name = str(each["camera"])
            self._metrics.drift.labels(name, self._measured).set(self._counter.counts.get(name, 0))
        if not found:
            return
        settings = self._runs.settings
        cooling = cooling_down(await self._runs.all(), found, settings.drift_cooldown_s, settings.drift_retry_s, time.time_ns())
        if ready := {name: each for name, each in found.items() if name not in cooling}:
            request = StartRun(kind="adapt", drifted=tuple(sorted(ready)), reason=self._reason(ready))
            await start_automatically(self._runs, self._metrics, request, DRIFT)

    def _reason(self, found: dict[str, dict[str, Any]]) -> str:
        """Describe the drifted cameras: score, and the component that changed most."""
        descriptions = []
        for name, each in sorted(found.items()):
            reasons = each.get("reasons") or {}
            largest = max(reasons, key=lambda reason: float(reasons[reason])) if reasons else self._measured
            descriptions.append(f"{name} {float(each['score']):.2f} ({largest})")
        checks = min(self._counter.counts[name] for name in found)
        return f"drift: {', '.join(descriptions)}, in {checks} checks"[:MAX_REASON]


async def watch_drift(
    runs: RunService, metrics: TrainerMetrics, active: Callable[[], bool], set_error: Callable[[str], None]
) -> None:
    """Start an `adapt` run when the light's drift, as the edges measure it, lasts; until cancelled.

    Args:
        set_error: Receives why the aggregator is unavailable, or an empty text.
    """
    settings = runs.settings
    if settings.drift_above is None:
        await asyncio.Event().wait()
        return
    trigger = DriftTrigger(runs, metrics, DriftCounter(settings.drift_above, settings.drift_checks), "light")
    aggregator = AggregatorClient.of(settings)
    while True:
        if active():
            try:
                await trigger.observe(await aggregator.drift())
                set_error("")
            except DavyError as error:
                set_error(str(error))
        await asyncio.sleep(settings.drift_every_s)


def cooling_down(
    records: Sequence[RunRecord], cameras: Collection[str], cooldown_s: float, retry_s: float, now_ns: int
) -> set[str]:
    """Return the cameras for which drift must not start a run now.

    During a run that drift started, these are all cameras. After it, its own cameras wait for the cooldown. After a failed
    run they wait for retry_s, doubled by each further failure, at most for the cooldown.

    Args:
        records: All runs, the newest first.
    """
    triggered = [record for record in records if record.trigger == DRIFT]
    if any(not record.ended for record in triggered):
        return set(cameras)
    found = set()
    for camera in cameras:
        own = [record for record in triggered if camera in record.drifted]
        failures = next((n for n, record in enumerate(own) if record.state != RunState.FAILED), len(own))
        wait_s = min(cooldown_s, retry_s * 2 ** min(failures - 1, 20)) if failures else cooldown_s
        if own and now_ns - own[0].ended_ns < wait_s * 1e9:
            found.add(camera)
    return found
