"""One run after the other, each part again after whatever kill; of several services on a folder, one does it."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from davy.domain.errors import DavyError, TrainingError
from davy.telemetry import get_logger
from davy_trainer.service import commands, publish
from davy_trainer.service.aggregator import patiently
from davy_trainer.service.collect import bring_photographs, bring_running_model, collect_samples
from davy_trainer.service.commands import Command
from davy_trainer.service.lease import Lease
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.process import PROGRESS, Child
from davy_trainer.service.progress import read_progress
from davy_trainer.service.record import RunPhase, RunRecord, RunState
from davy_trainer.service.run_service import RunService, ended

log = get_logger(__name__)

EVERY_S = 0.25
RESERVE_EVERY_S = 0.5
STOP_S = 3.0  # a process that is stopped with the service ends by itself if it needs longer
PARTS = {"prompts": (RunPhase.COLLECT, RunPhase.TRAIN), "retrain": tuple(RunPhase), "adapt": tuple(RunPhase)}


class _CancelledError(Exception):
    """An operator has cancelled the run."""


class Worker:
    """Does what the book asks for.

    Attributes:
        active: whether this service holds the lease; the others are its reserve.
    """

    def __init__(self, book: RunService, metrics: TrainerMetrics) -> None:
        self._book, self._settings, self._metrics = book, book.settings, metrics
        self.active = False
        self._child: Child | None = None

    async def run(self) -> None:
        """Work until cancelled."""
        with Lease(self._settings.data / "service.lock") as lease:
            while not lease.take():  # noqa: ASYNC110  # the kernel gives it, and tells nobody
                await asyncio.sleep(RESERVE_EVERY_S)
            self.active = True
            self._metrics.active.set(1)
            log.info("trainer.active")
            while True:
                try:
                    await self._next()
                except DavyError as error:  # the store's disk: what was on it still is
                    log.warning("trainer.held_up", reason=str(error))
                    await asyncio.sleep(1)

    async def _next(self) -> None:
        open_runs = [record for record in reversed(await self._book.all()) if not record.ended]
        first = min(open_runs, key=lambda record: record.state != RunState.RUNNING, default=None)
        self._metrics.running.set(first is not None)
        if first is None:
            await asyncio.sleep(EVERY_S)
            return
        record = await self._through(first.id)
        self._metrics.ended.labels(record.kind, record.state).inc()
        log.info("run.ended", run=record.id, state=record.state, reason=record.told)
        await self._book.tidy()

    async def _through(self, run: str) -> RunRecord:
        """Bring a run to its end."""
        record = await self._book.change(run, _begun)
        log.info("run.begins", run=run, kind=record.kind, part=record.part, reason=record.reason)
        parts = PARTS[record.kind]
        state, told = RunState.DONE, "done"
        try:
            self._book.folder(run).mkdir(parents=True, exist_ok=True)
            for part in parts[parts.index(record.part) :]:
                record = await self._book.change(run, lambda record, part=part: _in_part(record, part))  # type: ignore[misc]
                await self._check(run)
                await self._do(part, record, self._book.folder(run))
            told = _summary(await self._book.get(run))
        except _CancelledError:
            state, told = RunState.CANCELLED, "cancelled; it can go on where it was"
        except (DavyError, OSError) as error:
            state, told = RunState.FAILED, str(error)
        return await self._book.change(run, lambda record: ended(record, state, told))

    async def _do(self, part: RunPhase, record: RunRecord, folder: Path) -> None:
        match part:
            case RunPhase.COLLECT:
                await self._collect(record, folder)
            case RunPhase.TRAIN:
                prompts = await self._newest_prompts() if record.kind == "retrain" else None
                await self._command(record.id, folder, lambda: commands.train(self._settings, record, folder, prompts))
                if record.kind == "prompts":
                    await self._brings(record.id, figures=publish.figures_of(record, folder))
            case RunPhase.JUDGE:
                await self._command(record.id, folder, lambda: commands.compare(self._settings, folder))
                figures = publish.figures_of(record, folder)
                await self._brings(record.id, figures=figures)
                publish.check_figures(figures, self._settings.loss_most_db)
            case RunPhase.REGISTER:
                await asyncio.to_thread(publish.describe, record, folder)
                await self._command(record.id, folder, lambda: commands.pack(self._settings, folder))
                entry = await asyncio.to_thread(publish.register, self._settings, folder)
                await self._brings(record.id, model=entry.id, frame_id=entry.frame_id)
            case RunPhase.ROLLOUT if self._settings.rollout:
                await self._roll_out(record)

    async def _roll_out(self, record: RunRecord) -> None:
        begin = partial(publish.begin_rollout, self._settings, record.result.model)
        try:
            rollout = await patiently(begin, self._settings.aggregator_wait_s, partial(self._check, record.id))
            await self._brings(record.id, rollout=rollout)
        except DavyError as error:  # the model is good and kept; an operator can roll it out
            await self._brings(record.id, note=f"no rollout: {error}")

    async def _collect(self, record: RunRecord, folder: Path) -> None:
        async def check() -> None:
            await self._check(record.id)

        if self._settings.aggregator:
            await collect_samples(self._settings, folder / "samples", record.drifted, check)
        if record.kind != "prompts" and not (folder / "running").is_dir():
            await self._brings(record.id, parent=await bring_running_model(self._settings, folder / "running", check))
        if record.kind != "adapt" and not self._settings.normal:
            await asyncio.to_thread(bring_photographs, folder / commands.PHOTOGRAPHS)

    async def _newest_prompts(self) -> Path | None:
        """Of the newest run that made some."""
        if not self._settings.reuse_prompts:
            return None
        for record in await self._book.all():
            path = self._book.folder(record.id) / "train" / commands.PROMPTS
            if record.kind == "prompts" and record.state == RunState.DONE and path.is_file():
                return path
        return None

    async def _command(self, run: str, folder: Path, command: Callable[[], Command]) -> None:
        """Run a command to its end, again after each kill; adopt it where it lives already.

        Raises:
            TrainingError: it fails, or is killed too often without getting further.
        """
        if self._child is None or self._child.folder != folder:
            self._child = Child(folder, self._settings.data / "run.lock")
        child = self._child  # the same where a full disk has held up the store meanwhile
        while not (wanted := command()).done.exists() or child.alive():
            furthest = _place(await self._book.get(run))
            if not child.begin(wanted.words, self._settings.nice, self._settings.cores):
                log.info("run.adopted", run=run)
            await self._follow(run, folder, child)
            if wanted.done.exists():
                return
            await self._check(run)
            if (status := child.status) is not None and status > 0:
                raise TrainingError(child.last_words() or f"the command ended with status {status}")
            await self._note_kill(run, child, furthest)

    async def _follow(self, run: str, folder: Path, child: Child) -> None:
        """Until its process has ended; an operator may cancel it, and the service may be told to end."""
        stopping_s = 0.0
        try:
            while alive := child.alive():
                record = await self._tell(run, folder)
                if record.cancelling:
                    child.stop()
                    stopping_s = stopping_s or time.monotonic()
                    if time.monotonic() - stopping_s > self._settings.grace_s:
                        child.kill()
                await asyncio.sleep(EVERY_S)
            assert not alive
            await self._tell(run, folder)
        except asyncio.CancelledError:
            child.stop()
            await asyncio.to_thread(child.wait, STOP_S)
            raise

    async def _tell(self, run: str, folder: Path) -> RunRecord:
        record = await self._book.get(run)
        found, read = await asyncio.to_thread(read_progress, folder / PROGRESS, record.read)
        if read == record.read:
            return record
        if found:
            self._metrics.step.set(found[-1].step)
        return await self._book.advance(run, found, read)

    async def _note_kill(self, run: str, child: Child, furthest: tuple[str, bool, int]) -> None:
        further = _place(await self._book.get(run)) > furthest
        how = f"signal {-child.status}" if child.status else "a kill or a stop"
        kills = 1 if further else (await self._book.get(run)).kills + 1
        if kills >= self._settings.attempts:
            raise TrainingError(f"killed {kills} times without getting further, the last time by {how}: {child.last_words()}")
        self._metrics.resumed.inc()
        log.warning("run.resumed", run=run, after=how, kills=kills)
        told = f"goes on after {how}"
        await self._book.change(run, lambda record: record.model_copy(update={"kills": kills, "told": told}))
        await asyncio.sleep(self._settings.backoff_s * 2 ** (kills - 1))

    async def _check(self, run: str) -> None:
        if (await self._book.get(run)).cancelling:
            raise _CancelledError

    async def _brings(self, run: str, **changes: object) -> None:
        await self._book.change(run, lambda record: record.brings(**changes))


def _begun(record: RunRecord) -> RunRecord:
    told = "goes on" if record.started_ns else "begins"
    return record.model_copy(
        update={"state": RunState.RUNNING, "started_ns": record.started_ns or time.time_ns(), "told": told}
    )


def _in_part(record: RunRecord, part: RunPhase) -> RunRecord:
    return record.model_copy(update={"part": part})


def _place(record: RunRecord) -> tuple[str, bool, int]:
    """How far a run is; stages' names sort as they follow each other, and looking comes before training."""
    progress = record.progress
    return (progress.stage, progress.total is not None, progress.step) if progress else ("", False, 0)


def _summary(record: RunRecord) -> str:
    figures = record.result.figures
    if record.kind == "prompts":
        return f"new prompts: {figures.get('held-accuracy', 0):.1%} of the pictures held out are told rightly"
    told = f"model {record.result.model[:12]} is in the registry"
    if "val-psnr-db" in figures:
        told += f": {figures['val-psnr-db']:.2f} dB on the references, the one that ran {figures['val-psnr-db-running']:.2f} dB"
    return told + (f"; rollout {record.result.rollout} has begun" if record.result.rollout else "")
