"""Runs that start automatically by schedule."""

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

MAX_DELAY_S = 3600  # a run that was due while the machine slept starts once, at most this late


async def follow_schedule(runs: RunService, metrics: TrainerMetrics, active: Callable[[], bool]) -> None:
    """Start runs at the times of settings.schedule, until cancelled; nothing starts on standby."""
    scheduler = AsyncIOScheduler(job_defaults={"coalesce": True, "misfire_grace_time": MAX_DELAY_S, "max_instances": 1})

    async def due(kind: str, line: str) -> None:
        if active():
            request = StartRun.model_validate({"kind": kind, "reason": f"schedule: {line}"})
            await start_automatically(runs, metrics, request, "schedule")

    for line in runs.settings.schedule:
        *cron, kind = line.split()
        scheduler.add_job(due, CronTrigger.from_crontab(" ".join(cron)), args=(kind, line), name=line)
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


async def start_automatically(runs: RunService, metrics: TrainerMetrics, request: StartRun, trigger: str) -> None:
    """Start a run without a person's request; log a full queue."""
    try:
        record = await runs.start(request, trigger)
    except DavyError as error:
        log.warning("run.not_started", trigger=trigger, kind=request.kind, reason=str(error))
        return
    metrics.triggered.labels(trigger).inc()
    log.info("run.triggered", run=record.id, trigger=trigger, reason=request.reason)
