"""What begins runs by itself: the clock."""

import asyncio
from collections.abc import Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger

from davy.domain.errors import DavyError
from davy.telemetry import get_logger
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.record import StartRun
from davy_trainer.service.run_service import RunService

log = get_logger(__name__)

LATE_S = 3600  # a run that was due while the machine slept begins, once, if it is no later


async def keep_schedule(book: RunService, metrics: TrainerMetrics, active: Callable[[], bool]) -> None:
    """Begin runs at the times of settings.schedule, until cancelled; in reserve nothing begins."""
    scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "misfire_grace_time": LATE_S, "max_instances": 1})

    async def due(kind: str, line: str) -> None:
        if active():
            await begin(book, metrics, StartRun.model_validate({"kind": kind, "reason": f"schedule: {line}"}), "schedule")

    for line in book.settings.schedule:
        *cron, kind = line.split()
        scheduler.add_job(due, CronTrigger.from_crontab(" ".join(cron)), args=(kind, line), name=line)
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


async def begin(book: RunService, metrics: TrainerMetrics, asked: StartRun, by: str) -> None:
    """Begin a run that nobody has asked for; where too many wait, say so."""
    try:
        record = await book.start(asked, by)
    except DavyError as error:
        log.warning("run.not_begun", by=by, kind=asked.kind, reason=str(error))
        return
    metrics.asked.labels(by).inc()
    log.info("run.asked", run=record.id, by=by, reason=asked.reason)
