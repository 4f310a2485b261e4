"""The runs, as all components of the service read and change them."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from davy.access.principal import acting
from davy.adapters.storage.run_store import RunEvent, RunStore
from davy.domain.errors import ConflictError
from davy_trainer.service.record import Progress, RunRecord, RunState, StartRun, read_records
from davy_trainer.service.run_settings import validate_overrides
from davy_trainer.service.settings import TrainerSettings

POLL_S = 0.25
PUBLISHED = ("state", "phase", "message", "kills", "cancelling", "result")  # fields whose change is an event


class RunService:
    """Runs of one data folder; another service on the same folder may change a run at any time."""

    def __init__(self, settings: TrainerSettings, store: RunStore) -> None:
        self.settings, self._store = settings, store

    def folder(self, run: str) -> Path:
        """Return the folder of a run's files."""
        return (self.settings.data / "runs" / run).absolute()

    async def start(self, request: StartRun, trigger: str = "") -> RunRecord:
        """Queue a new run.

        Args:
            trigger: schedule or drift; empty for a request.

        Raises:
            InvalidInputError: The overrides are invalid.
            ConflictError: The queue is full.
        """
        validate_overrides(self.settings, request.kind, request.overrides, request.drifted)
        record = RunRecord.of(request, trigger, "" if trigger else str(acting()))

        def allow(bodies: list[str]) -> None:
            self._check_queue(read_records(bodies))

        await asyncio.to_thread(self._store.add, record.id, record.model_dump_json(), allow)
        return record

    async def all(self) -> list[RunRecord]:
        """Return all runs, the newest first."""
        return read_records(await asyncio.to_thread(self._store.runs))[::-1]

    async def get(self, run: str) -> RunRecord:
        """Return one run.

        Raises:
            UnknownRunError: No run has this id.
        """
        return RunRecord.model_validate_json(await asyncio.to_thread(self._store.get, run))

    async def cancel(self, run: str) -> RunRecord:
        """Cancel a run: a waiting one at once, a running one after its checkpoint.

        Raises:
            ConflictError: The run has ended.
        """

        def change(record: RunRecord) -> RunRecord:
            if record.ended:
                raise ConflictError(f"run {run} has ended already: {record.state}")
            if record.state == RunState.WAITING:
                return ended(record, RunState.CANCELLED, "cancelled before it started")
            return record.model_copy(update={"cancelling": True, "message": "stops after its checkpoint"})

        return await self.change(run, change)

    async def resume(self, run: str) -> RunRecord:
        """Queue a cancelled or failed run again; it resumes from its checkpoint.

        Raises:
            ConflictError: The run is in another state, or the queue is full.
        """
        records = await self.all()

        def change(record: RunRecord) -> RunRecord:
            if record.state not in (RunState.CANCELLED, RunState.FAILED):
                raise ConflictError(f"run {run} is {record.state}: only a cancelled or failed run can be resumed")
            self._check_queue(records)
            queued = {"state": RunState.WAITING, "cancelling": False, "kills": 0, "ended_ns": 0, "message": "waits to resume"}
            return record.model_copy(update=queued)

        return await self.change(run, change)

    async def change(self, run: str, change: Callable[[RunRecord], RunRecord]) -> RunRecord:
        """Change a run, and store an event if a published field changes."""
        return await asyncio.to_thread(self._change, run, change, ())

    async def add_progress(self, run: str, found: list[Progress], offset: int) -> RunRecord:
        """Store new progress of the run's command, each as an event.

        Args:
            offset: Bytes of the progress file that are published by now.
        """

        def change(record: RunRecord) -> RunRecord:
            return record.model_copy(update={"progress_offset": offset, **({"progress": found[-1]} if found else {})})

        return await asyncio.to_thread(self._change, run, change, tuple(found))

    def _change(self, run: str, change: Callable[[RunRecord], RunRecord], found: tuple[Progress, ...]) -> RunRecord:
        def apply(body: str) -> tuple[str, list[tuple[str, str]]]:
            before = RunRecord.model_validate_json(body)
            after = change(before)
            events = [("progress", each.model_dump_json()) for each in found]
            if any(getattr(before, name) != getattr(after, name) for name in PUBLISHED):
                events.append(("state", after.model_dump_json(include=set(PUBLISHED))))
            return after.model_dump_json(), events

        return RunRecord.model_validate_json(self._store.change(run, apply))

    async def watch(self, run: str, after: int = 0) -> AsyncGenerator[RunEvent, None]:
        """Yield the run's events after event `after` until the run has ended and all events are sent."""
        while True:
            ended_before = (await self.get(run)).ended
            events = await asyncio.to_thread(self._store.events, run, after)
            for event in events:
                after = event.id
                yield event
            if not events:
                if ended_before:
                    return
                await asyncio.sleep(POLL_S)

    def sheet(self, run: str) -> Path | None:
        """Return the newest sheet of the run."""
        folder = self.folder(run)
        sheets = [path for path in (folder / "compare.png", *(folder / "train").rglob("*.png")) if _is_sheet(path)]
        return max(sheets, key=lambda path: path.stat().st_mtime_ns, default=None)

    async def prune(self) -> None:
        """Delete all but the newest ended runs."""
        old = [record for record in await self.all() if record.ended][self.settings.keep_runs :]
        for record in old:
            await asyncio.to_thread(shutil.rmtree, self.folder(record.id), ignore_errors=True)
            await asyncio.to_thread(self._store.forget, record.id)

    def _check_queue(self, records: list[RunRecord]) -> None:
        limit = self.settings.max_waiting_runs
        if sum(record.state == RunState.WAITING for record in records) >= limit:
            raise ConflictError(f"{limit} runs wait already: cancel one")


def ended(record: RunRecord, state: RunState, message: str) -> RunRecord:
    """Return the record of a run that ends now."""
    return record.model_copy(update={"state": state, "message": message, "ended_ns": time.time_ns(), "cancelling": False})


def _is_sheet(path: Path) -> bool:
    return path.is_file() and (path.name in ("compare.png", "summary.png") or path.parent.name == "sheets")
