"""What drift begins: an `adapt` run for the cameras on which it has lasted, and that do not rest from an earlier one."""

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from davy.domain.errors import DavyError
from davy_trainer.service.aggregator import Aggregator
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.record import RunRecord, RunState, StartRun
from davy_trainer.service.run_service import RunService
from davy_trainer.service.schedule import begin

BY_DRIFT = "drift"


class DriftWatch:
    """Counts, per camera, the looks in a row that found its drift above the limit."""

    def __init__(self, above: float, looks: int) -> None:
        self._above, self._looks = above, looks
        self.counts: dict[str, int] = {}

    def look(self, cameras: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Take what was measured; returns the cameras that have been above for long enough, by name."""
        above = {str(each["camera"]): each for each in cameras if each.get("score") and float(each["score"]) >= self._above}
        self.counts = {name: self.counts.get(name, 0) + 1 for name in above}
        return {name: each for name, each in above.items() if self.counts[name] >= self._looks}


class DriftTrigger:
    """One measure of drift, with its limit.

    Args:
        measured: what the measure looks at, for people: light, picture.
    """

    def __init__(self, runs: RunService, metrics: TrainerMetrics, watch: DriftWatch, measured: str) -> None:
        self._runs, self._metrics, self._watch, self._measured = runs, metrics, watch, measured

    async def look(self, cameras: Sequence[dict[str, Any]]) -> None:
        """Take what was measured of all cameras (camera, score, reasons); may begin a run."""
        found = self._watch.look(cameras)
        for each in cameras:
            name = str(each["camera"])
            self._metrics.drift.labels(name, self._measured).set(self._watch.counts.get(name, 0))
        if not found:
            return
        settings = self._runs.settings
        rest = resting(await self._runs.all(), found, settings.drift_cooldown_s, settings.drift_retry_s, time.time_ns())
        if awake := {name: each for name, each in found.items() if name not in rest}:
            asked = StartRun(kind="adapt", drifted=tuple(sorted(awake)), reason=self._reason(awake))
            await begin(self._runs, self._metrics, asked, BY_DRIFT)

    def _reason(self, found: dict[str, dict[str, Any]]) -> str:
        """Which cameras, how far, and what of them has changed most."""
        words = []
        for name, each in sorted(found.items()):
            reasons = each.get("reasons") or {}
            most = max(reasons, key=lambda reason: float(reasons[reason])) if reasons else self._measured
            words.append(f"{name} {float(each['score']):.2f} ({most})")
        looks = min(self._watch.counts[name] for name in found)
        return f"drift: {', '.join(words)}, in {looks} looks"[:500]


async def watch_drift(
    runs: RunService, metrics: TrainerMetrics, active: Callable[[], bool], fault: Callable[[str], None]
) -> None:
    """Begin an `adapt` run where the drift of the light, as the edges measure it, lasts; until cancelled.

    Args:
        fault: told why the aggregator cannot be asked, or an empty text.
    """
    settings = runs.settings
    if settings.drift_above is None:
        await asyncio.Event().wait()
        return
    trigger = DriftTrigger(runs, metrics, DriftWatch(settings.drift_above, settings.drift_looks), "light")
    aggregator = Aggregator.of(settings)
    while True:
        if active():
            try:
                await trigger.look(await aggregator.drift())
                fault("")
            except DavyError as error:
                fault(str(error))
        await asyncio.sleep(settings.drift_every_s)


def resting(records: Sequence[RunRecord], cameras: Collection[str], cooldown_s: float, retry_s: float, now_ns: int) -> set[str]:
    """The cameras for which drift begins no run now.

    All of them while one that drift began goes on. After it, its own cameras: for the cooldown, or, where it failed, for
    retry_s, twice as long after each further failure and never longer than the cooldown.

    Args:
        records: every run, the newest first.
    """
    ours = [record for record in records if record.by == BY_DRIFT]
    if any(not record.ended for record in ours):
        return set(cameras)
    found = set()
    for camera in cameras:
        own = [record for record in ours if camera in record.drifted]
        failures = next((n for n, record in enumerate(own) if record.state != RunState.FAILED), len(own))
        rest_s = min(cooldown_s, retry_s * 2 ** min(failures - 1, 20)) if failures else cooldown_s
        if own and now_ns - own[0].ended_ns < rest_s * 1e9:
            found.add(camera)
    return found
