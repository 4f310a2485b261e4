"""What begins runs by itself: the clock, and cameras that the running model no longer fits."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from davy.errors import DavyError
from davy.telemetry import get_logger
from davy.trainer.service.book import Book
from davy.trainer.service.collect import Aggregator
from davy.trainer.service.metrics import TrainerMetrics
from davy.trainer.service.record import RunRecord, StartRun

log = get_logger(__name__)

LATE_S = 3600  # a run that was due while the machine slept begins, once, if it is no later
BY_DRIFT = "drift: "


async def keep_schedule(book: Book, metrics: TrainerMetrics, active: Callable[[], bool]) -> None:
    """Begin runs at the times of settings.schedule, until cancelled; in reserve nothing begins."""
    scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "misfire_grace_time": LATE_S, "max_instances": 1})

    async def begin(kind: str, line: str) -> None:
        if active():
            await _begin(book, metrics, StartRun.model_validate({"kind": kind, "reason": f"schedule: {line}"}), "schedule")

    for line in book.settings.schedule:
        *cron, kind = line.split()
        scheduler.add_job(begin, CronTrigger.from_crontab(" ".join(cron)), args=(kind, line), name=line)
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


class DriftWatch:
    """Counts, per camera, the looks in a row that found its drift above the limit."""

    def __init__(self, above: float, looks: int) -> None:
        self._above, self._looks = above, looks
        self.counts: dict[str, int] = {}

    def look(self, cameras: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """Take what /v1/drift says; returns the cameras that are above, once one has been for long enough, by name."""
        above = {str(each["camera"]): each for each in cameras if each.get("score") and float(each["score"]) >= self._above}
        self.counts = {name: self.counts.get(name, 0) + 1 for name in above}
        return above if any(count >= self._looks for count in self.counts.values()) else {}


async def watch_drift(book: Book, metrics: TrainerMetrics, active: Callable[[], bool], fault: Callable[[str], None]) -> None:
    """Begin an `adapt` run where drift lasts, until cancelled.

    Args:
        fault: told why the aggregator cannot be asked, or an empty text.
    """
    settings = book.settings
    if settings.drift_above is None:
        await asyncio.Event().wait()
        return
    watch, aggregator = DriftWatch(settings.drift_above, settings.drift_looks), Aggregator(settings.aggregator)
    while True:
        if active():
            try:
                found = watch.look(await aggregator.drift())
                fault("")
                for name, count in watch.counts.items():
                    metrics.drift.labels(name).set(count)
                if found and not _rests(await book.all(), settings.drift_cooldown_s):
                    asked = StartRun(kind="adapt", drifted=tuple(sorted(found)), reason=_reason(found, settings.drift_looks))
                    await _begin(book, metrics, asked, "drift")
            except DavyError as error:
                fault(str(error))
        await asyncio.sleep(settings.drift_every_s)


async def _begin(book: Book, metrics: TrainerMetrics, asked: StartRun, by: str) -> None:
    try:
        record = await book.start(asked)
    except DavyError as error:
        log.warning("run.not_begun", by=by, kind=asked.kind, reason=str(error))
        return
    metrics.asked.labels(by).inc()
    log.info("run.asked", run=record.id, by=by, reason=asked.reason)


def _rests(records: list[RunRecord], cooldown_s: float) -> bool:
    """Whether a run that drift began is not over, or not for long."""
    newest = next((record for record in records if record.reason.startswith(BY_DRIFT)), None)
    if newest is None:
        return False
    return not newest.ended or time.time_ns() - newest.ended_ns < cooldown_s * 1e9


def _reason(found: dict[str, dict[str, Any]], looks: int) -> str:
    """Which cameras, how far, and what of their light has changed most."""
    words = []
    for name, each in sorted(found.items()):
        reasons = each.get("reasons") or {}
        most = f" ({max(reasons, key=lambda reason: float(reasons[reason]))})" if reasons else ""
        words.append(f"{name} {float(each['score']):.2f}{most}")
    return f"{BY_DRIFT}{', '.join(words)}, in {looks} looks"[:500]
