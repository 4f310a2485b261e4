"""Runs a command of a training run to its end: restarted after a kill, adopted from an earlier service, cancelled."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from davy.domain.errors import TrainingError
from davy.telemetry import get_logger
from davy_trainer.service.commands import Command
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.process import PROGRESS, RunProcess
from davy_trainer.service.progress import read_progress
from davy_trainer.service.record import RunRecord
from davy_trainer.service.run_service import RunService

log = get_logger(__name__)

POLL_S = 0.25
STOP_S = 3.0  # a process that outlives this at the service's end completes by itself
Position = tuple[str, bool, int]
"""How far a run is: stage, whether the stage trains already, and step. Names of stages sort in their order."""


class CancelledRunError(Exception):
    """An operator has cancelled the run."""


class CommandRunner:
    """Runs one command after another."""

    def __init__(self, runs: RunService, metrics: TrainerMetrics) -> None:
        self._runs, self._settings, self._metrics = runs, runs.settings, metrics
        self._process: RunProcess | None = None

    async def run(self, run: str, folder: Path, command: Callable[[], Command]) -> None:
        """Run a command until its result exists, again after each kill; adopt its process if one lives already.

        Args:
            command: Returns the command; called before each start, because a resumed command has other arguments.

        Raises:
            TrainingError: The command fails, or is killed too often without progress.
            CancelledRunError: An operator has cancelled the run.
        """
        if self._process is None or self._process.folder != folder:
            self._process = RunProcess(folder, self._settings.data / "run.lock")
        process = self._process  # the same if a full disk interrupted the store
        while not (wanted := command()).result.exists() or process.alive():
            before = _position(await self._runs.get(run))
            if not process.start(wanted.arguments, self._settings.nice, self._settings.cores):
                log.info("run.adopted", run=run)
            await self._monitor(run, folder, process)
            if wanted.result.exists():
                return
            await self.check(run)
            if (status := process.status) is not None and status > 0:
                raise TrainingError(process.last_line() or f"the command ended with status {status}")
            await self._record_kill(run, process, before)

    async def check(self, run: str) -> None:
        """Raise CancelledRunError if an operator has cancelled the run."""
        if (await self._runs.get(run)).cancelling:
            raise CancelledRunError

    async def _monitor(self, run: str, folder: Path, process: RunProcess) -> None:
        """Publish progress until the process has ended; stop it on cancellation of the run or of the service."""
        stopping_s = 0.0
        try:
            while process.alive():
                record = await self._publish_progress(run, folder)
                if record.cancelling:
                    process.stop()
                    stopping_s = stopping_s or time.monotonic()
                    if time.monotonic() - stopping_s > self._settings.grace_s:
                        process.kill()
                await asyncio.sleep(POLL_S)
            await self._publish_progress(run, folder)
        except asyncio.CancelledError:
            process.stop()
            await asyncio.to_thread(process.wait, STOP_S)
            raise

    async def _publish_progress(self, run: str, folder: Path) -> RunRecord:
        record = await self._runs.get(run)
        found, offset = await asyncio.to_thread(read_progress, folder / PROGRESS, record.progress_offset)
        if offset == record.progress_offset:
            return record
        if found:
            self._metrics.step.set(found[-1].step)
        return await self._runs.add_progress(run, found, offset)

    async def _record_kill(self, run: str, process: RunProcess, before: Position) -> None:
        record = await self._runs.get(run)
        cause = f"signal {-process.status}" if process.status else "a kill or a stop"
        kills = 1 if _position(record) > before else record.kills + 1
        if kills >= self._settings.attempts:
            raise TrainingError(f"killed {kills} times without progress, the last time by {cause}: {process.last_line()}")
        self._metrics.resumed.inc()
        log.warning("run.resumed", run=run, after=cause, kills=kills)
        message = f"resumed after {cause}"
        await self._runs.change(run, lambda record: record.model_copy(update={"kills": kills, "message": message}))
        await asyncio.sleep(self._settings.backoff_s * 2 ** (kills - 1))


def _position(record: RunRecord) -> Position:
    progress = record.progress
    return (progress.stage, progress.total is not None, progress.step) if progress else ("", False, 0)
