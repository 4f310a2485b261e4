"""The active service's work: one run after another, each phase repeated after a kill."""

import asyncio
import time
from functools import partial
from pathlib import Path

from davy.domain.errors import DavyError
from davy.telemetry import get_logger
from davy_trainer.service import commands, publish
from davy_trainer.service.aggregator import Check, retry_unavailable
from davy_trainer.service.collect import collect_photographs, collect_samples, fetch_running_detector, fetch_running_model
from davy_trainer.service.lease import Lease
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.record import RunPhase, RunRecord, RunState
from davy_trainer.service.run_command import CancelledRunError, CommandRunner
from davy_trainer.service.run_service import RunService, ended

log = get_logger(__name__)

POLL_S = 0.25
STANDBY_POLL_S = 0.5
PHASES = {
    "prompts": (RunPhase.COLLECT, RunPhase.TRAIN),
    "retrain": tuple(RunPhase),
    "adapt": tuple(RunPhase),
    "people": tuple(RunPhase),
}


class Worker:
    """Processes the queued runs of a data folder.

    Attributes:
        active: Whether this service holds the lease; all others are on standby.
    """

    def __init__(self, runs: RunService, metrics: TrainerMetrics) -> None:
        self._runs, self._settings, self._metrics = runs, runs.settings, metrics
        self._commands = CommandRunner(runs, metrics)
        self.active = False

    async def run(self) -> None:
        """Work until cancelled."""
        with Lease(self._settings.data / "service.lock") as lease:
            while not lease.acquire():  # noqa: ASYNC110  # the kernel signals nobody when it frees a lock
                await asyncio.sleep(STANDBY_POLL_S)
            self.active = True
            self._metrics.active.set(1)
            log.info("trainer.active")
            while True:
                try:
                    await self._next()
                except DavyError as error:  # the store's disk is full or unavailable; its content is intact
                    log.warning("trainer.interrupted", reason=str(error))
                    await asyncio.sleep(1)

    async def _next(self) -> None:
        open_runs = [record for record in reversed(await self._runs.all()) if not record.ended]
        first = min(open_runs, key=lambda record: record.state != RunState.RUNNING, default=None)
        self._metrics.running.set(first is not None)
        if first is None:
            await asyncio.sleep(POLL_S)
            return
        record = await self._finish_run(first.id)
        self._metrics.ended.labels(record.kind, record.state).inc()
        log.info("run.ended", run=record.id, state=record.state, reason=record.message)
        await self._runs.prune()

    async def _finish_run(self, run: str) -> RunRecord:
        """Run the remaining phases of a run."""
        record = await self._runs.change(run, _started)
        log.info("run.started", run=run, kind=record.kind, phase=record.phase, reason=record.reason)
        phases = PHASES[record.kind]
        state, message = RunState.DONE, "done"
        try:
            self._runs.folder(run).mkdir(parents=True, exist_ok=True)
            for phase in phases[phases.index(record.phase) :]:
                record = await self._runs.change(run, partial(_in_phase, phase))
                await self._commands.check(run)
                await self._run_phase(phase, record, self._runs.folder(run))
            message = _summary(await self._runs.get(run))
        except CancelledRunError:
            state, message = RunState.CANCELLED, "cancelled; it can be resumed"
        except (DavyError, OSError) as error:
            state, message = RunState.FAILED, str(error)
        return await self._runs.change(run, lambda record: ended(record, state, message))

    async def _run_phase(self, phase: RunPhase, record: RunRecord, folder: Path) -> None:
        match phase:
            case RunPhase.COLLECT:
                await self._collect(record, folder)
            case RunPhase.TRAIN:
                await self._train(record, folder)
            case RunPhase.EVALUATE:
                people = partial(commands.compare_people_command, folder)
                enhancer = partial(commands.compare_command, self._settings, folder)
                await self._commands.run(record.id, folder, people if record.kind == "people" else enhancer)
                figures = publish.figures_of(record, folder)
                await self._set_result(record.id, figures=figures)
                publish.check(record, figures, self._settings)
            case RunPhase.REGISTER:
                await asyncio.to_thread(publish.describe, record, folder)
                await self._commands.run(record.id, folder, lambda: commands.package_command(self._settings, folder))
                await self._publish(record, folder)
            case RunPhase.ROLLOUT if self._settings.rollout:
                await self._roll_out(record)

    async def _collect(self, record: RunRecord, folder: Path) -> None:
        async def check() -> None:
            await self._commands.check(record.id)

        if record.kind == "people":
            await self._collect_people(record, folder, check)
        elif self._settings.aggregator:
            await collect_samples(self._settings, folder / "samples", record.drifted, check)
        if record.kind in ("retrain", "adapt") and not (folder / "running").is_dir():
            await self._set_result(record.id, parent=await fetch_running_model(self._settings, folder / "running", check))
        if record.kind != "adapt" and not self._settings.normal:
            await asyncio.to_thread(collect_photographs, folder / commands.PHOTOGRAPHS)

    async def _collect_people(self, record: RunRecord, folder: Path, check: Check) -> None:
        if not (folder / "running").is_dir():
            await self._set_result(record.id, parent=await fetch_running_detector(self._settings, folder / "running", check))
        for use in ("train", "held-out"):
            await self._commands.run(record.id, folder, partial(commands.mine_command, self._settings, folder, use))

    async def _train(self, record: RunRecord, folder: Path) -> None:
        prompts = await self._newest_prompts() if record.kind == "retrain" else None
        command = partial(commands.train_command, self._settings, record, folder, prompts)
        await self._commands.run(record.id, folder, command)
        if record.kind == "people":
            await self._commands.run(record.id, folder, partial(commands.export_people_command, folder))
        if record.kind == "prompts":
            await self._set_result(record.id, figures=publish.figures_of(record, folder))

    async def _publish(self, record: RunRecord, folder: Path) -> None:
        if self._settings.signs:
            entry = await asyncio.to_thread(publish.register, self._settings, record, folder)
            await self._set_result(record.id, model=entry.id, frame_id=entry.frame_id)
        else:
            propose = partial(asyncio.to_thread, publish.propose, self._settings, record, folder)
            check = partial(self._commands.check, record.id)
            model, frame_id = await retry_unavailable(propose, self._settings.aggregator_wait_s, check)
            await self._set_result(record.id, model=model, frame_id=frame_id, unsigned=True)

    async def _roll_out(self, record: RunRecord) -> None:
        start = partial(publish.start_rollout, self._settings, record.result.model)
        check = partial(self._commands.check, record.id)
        try:
            rollout = await retry_unavailable(start, self._settings.aggregator_wait_s, check)
            await self._set_result(record.id, rollout=rollout)
        except DavyError as error:  # the model is accepted and registered; an operator can roll it out
            await self._set_result(record.id, note=f"no rollout: {error}")

    async def _newest_prompts(self) -> Path | None:
        """Return the prompts of the newest successful `prompts` run."""
        if not self._settings.reuse_prompts:
            return None
        for record in await self._runs.all():
            path = self._runs.folder(record.id) / "train" / commands.PROMPTS
            if record.kind == "prompts" and record.state == RunState.DONE and path.is_file():
                return path
        return None

    async def _set_result(self, run: str, **changes: object) -> None:
        await self._runs.change(run, lambda record: record.with_result(**changes))


def _started(record: RunRecord) -> RunRecord:
    message = "resumed" if record.started_ns else "started"
    started_ns = record.started_ns or time.time_ns()
    return record.model_copy(update={"state": RunState.RUNNING, "started_ns": started_ns, "message": message})


def _in_phase(phase: RunPhase, record: RunRecord) -> RunRecord:
    return record.model_copy(update={"phase": phase})


def _summary(record: RunRecord) -> str:
    figures = record.result.figures
    if record.kind == "prompts":
        return f"new prompts: {figures.get('held-out-accuracy', 0):.1%} of the held-out pictures are classified correctly"
    model = record.result.model[:12]
    if "ap50-enhanced" in figures:
        return _detector_summary(record)
    summary = f"candidate {model} waits for a person's signature" if record.result.unsigned else f"model {model} is registered"
    if "val-psnr-db" in figures:
        summary += f": {figures['val-psnr-db']:.2f} dB on the references, the previous model"
        summary += f" {figures['val-psnr-db-running']:.2f} dB"
    return summary + (f"; rollout {record.result.rollout} has started" if record.result.rollout else "")


def _detector_summary(record: RunRecord) -> str:
    figures, model = record.result.figures, record.result.model[:12]
    state = "waits for a person's signature" if record.result.unsigned else "is registered"
    return (
        f"detector {model} {state}: AP50 {figures['ap50-enhanced']:.2f} on enhanced frames of held-out mines, "
        f"the running one {figures['ap50-enhanced-running']:.2f}"
    ) + (f"; rollout {record.result.rollout} has started" if record.result.rollout else "")
