"""The runs, as every part of the service reads and changes them."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from davy.adapters.storage.run_store import RunEvent, RunStore
from davy.domain.errors import ConflictError
from davy_trainer.service.record import Progress, RunRecord, RunState, StartRun, read_records
from davy_trainer.service.run_settings import judged
from davy_trainer.service.settings import TrainerSettings

LOOK_EVERY_S = 0.25
SHEETS = ("train/summary.png", "compare.png")


class RunService:
    """Thin over the store: another service on the same folder may change a run at any time."""

    def __init__(self, settings: TrainerSettings, store: RunStore) -> None:
        self.settings, self._store = settings, store

    def folder(self, run: str) -> Path:
        """Of the run's files."""
        return (self.settings.data / "runs" / run).absolute()

    async def start(self, asked: StartRun, by: str = "") -> RunRecord:
        """A new run, which waits for its turn.

        Args:
            by: schedule or drift, where nobody has asked for it.

        Raises:
            InvalidInputError: the overrides are wrong.
            ConflictError: too many wait.
        """
        judged(self.settings, asked.kind, asked.overrides, asked.drifted)
        record = RunRecord.of(asked, by)

        def allow(bodies: list[str]) -> None:
            self._room(read_records(bodies))

        await asyncio.to_thread(self._store.add, record.id, record.model_dump_json(), allow)
        return record

    async def all(self) -> list[RunRecord]:
        """The newest first."""
        return read_records(await asyncio.to_thread(self._store.runs))[::-1]

    async def get(self, run: str) -> RunRecord:
        """One; UnknownRunError where there is none."""
        return RunRecord.model_validate_json(await asyncio.to_thread(self._store.get, run))

    async def cancel(self, run: str) -> RunRecord:
        """End a run: one that waits at once, one that goes on after its checkpoint.

        Raises:
            ConflictError: it has ended.
        """

        def change(record: RunRecord) -> RunRecord:
            if record.ended:
                raise ConflictError(f"run {run} has ended already: {record.state}")
            if record.state == RunState.WAITING:
                return ended(record, RunState.CANCELLED, "cancelled before it began")
            return record.model_copy(update={"cancelling": True, "told": "is to end after its checkpoint"})

        return await self.change(run, change)

    async def resume(self, run: str) -> RunRecord:
        """Let a cancelled or failed run go on where it was.

        Raises:
            ConflictError: there is nothing to resume, or too many wait.
        """
        records = await self.all()

        def change(record: RunRecord) -> RunRecord:
            if record.state not in (RunState.CANCELLED, RunState.FAILED):
                raise ConflictError(f"run {run} is {record.state}: only a cancelled or failed one is resumed")
            self._room(records)
            again = {"state": RunState.WAITING, "cancelling": False, "kills": 0, "ended_ns": 0, "told": "waits to go on"}
            return record.model_copy(update=again)

        return await self.change(run, change)

    async def change(self, run: str, change: Callable[[RunRecord], RunRecord]) -> RunRecord:
        """Change a run and tell of it."""
        return await asyncio.to_thread(self._change, run, change, ())

    async def advance(self, run: str, found: list[Progress], read: int) -> RunRecord:
        """Note what the run's command has told, each as an event."""

        def change(record: RunRecord) -> RunRecord:
            return record.model_copy(update={"read": read, **({"progress": found[-1]} if found else {})})

        return await asyncio.to_thread(self._change, run, change, tuple(found))

    def _change(self, run: str, change: Callable[[RunRecord], RunRecord], found: tuple[Progress, ...]) -> RunRecord:
        def apply(body: str) -> tuple[str, list[tuple[str, str]]]:
            before = RunRecord.model_validate_json(body)
            after = change(before)
            events = [("progress", each.model_dump_json()) for each in found]
            if _told(before) != _told(after):
                events.append(("state", after.model_dump_json(include=set(TOLD))))
            return after.model_dump_json(), events

        return RunRecord.model_validate_json(self._store.change(run, apply))

    async def watch(self, run: str, after: int = 0) -> AsyncGenerator[RunEvent, None]:
        """What has happened since event `after`, and what happens, until the run has ended; then nothing is left to tell."""
        while True:
            ended_before = (await self.get(run)).ended
            events = await asyncio.to_thread(self._store.events, run, after)
            for event in events:
                after = event.id
                yield event
            if not events:
                if ended_before:
                    return
                await asyncio.sleep(LOOK_EVERY_S)

    def sheet(self, run: str) -> Path | None:
        """The newest sheet that the run has drawn."""
        folder = self.folder(run)
        drawn = [path for path in (folder / "compare.png", *(folder / "train").rglob("*.png")) if _is_sheet(path)]
        return max(drawn, key=lambda path: path.stat().st_mtime_ns, default=None)

    async def tidy(self) -> None:
        """Forget all but the newest ended runs."""
        old = [record for record in await self.all() if record.ended][self.settings.keep :]
        for record in old:
            await asyncio.to_thread(shutil.rmtree, self.folder(record.id), ignore_errors=True)
            await asyncio.to_thread(self._store.forget, record.id)

    def _room(self, records: list[RunRecord]) -> None:
        most = self.settings.waiting_most
        if sum(record.state == RunState.WAITING for record in records) >= most:
            raise ConflictError(f"{most} runs wait already: cancel one")


TOLD = ("state", "part", "told", "kills", "cancelling", "result")


def _told(record: RunRecord) -> tuple[object, ...]:
    return tuple(getattr(record, name) for name in TOLD)


def ended(record: RunRecord, state: RunState, told: str) -> RunRecord:
    """The record of a run that has ended now."""
    return record.model_copy(update={"state": state, "told": told, "ended_ns": time.time_ns(), "cancelling": False})


def _is_sheet(path: Path) -> bool:
    return path.is_file() and (path.name in ("compare.png", "summary.png") or path.parent.name == "sheets")
