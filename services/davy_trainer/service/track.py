"""Sends the logs of the service's runs to MLflow, where the setting names a server."""

import asyncio

from davy.domain.errors import UnavailableError
from davy.telemetry import get_logger
from davy_trainer.runs.tracking import Tracker
from davy_trainer.service.record import RunRecord, RunState
from davy_trainer.service.run_service import RunService

log = get_logger(__name__)
EVERY_S = 10.0
STATUS = {RunState.DONE: "FINISHED", RunState.FAILED: "FAILED", RunState.CANCELLED: "KILLED"}


async def track_runs(runs: RunService, tracker: Tracker) -> None:
    """Send what is new every 10 s, until cancelled. An unavailable server gets it later."""
    done: set[tuple[str, int]] = set()  # ended runs that MLflow has, with the time of their end: one may be resumed
    while True:
        for record in await runs.all():
            if record.state == RunState.WAITING or (record.id, record.ended_ns) in done:
                continue
            try:
                await asyncio.to_thread(_send, runs, tracker, record)
            except UnavailableError as error:
                log.warning("mlflow.unavailable", run=record.id, reason=str(error))
                break
            if record.state in STATUS:
                done.add((record.id, record.ended_ns))
        await asyncio.sleep(EVERY_S)


def _send(runs: RunService, tracker: Tracker, record: RunRecord) -> None:
    folder = runs.folder(record.id)
    if folder.is_dir():
        params = {"kind": record.kind, "trigger": record.trigger or "request", "reason": record.reason}
        tracker.send(folder, record.id, params, STATUS.get(record.state, ""))
