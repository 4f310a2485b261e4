"""Runner of jobs, one by one, each in a process with limits; jobs survive restarts on disk."""

import asyncio
import shutil
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from davy.adapters.process.isolated import Bounds as ProcessBounds
from davy.adapters.process.isolated import IsolatedProcess
from davy.domain.errors import DavyError, InvalidInputError, OverloadedError, StorageFullError
from davy.files import OutputOptions
from davy.imaging.runtime import StillEnhancer
from davy.telemetry import get_logger
from davy_enhancer.jobs.bundle import Limits, Outcome
from davy_enhancer.jobs.child import MODULE, Answer, JobRequest
from davy_enhancer.jobs.job import MAX_FAILURES, Folder, Job, State, load_all

log = get_logger(__name__)

REPORT_S = 0.25  # minimum time between two reports of progress
SWEEP_S = 600.0
MAX_ATTEMPTS = 3  # a job that was begun so often and never ended has ended the service each time
RESERVE_BYTES = 100_000_000  # free disk space left to other programs


class _Stopped(Exception):  # noqa: N818  # no error: a deleted job, or a stop of the service
    pass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Limits. waiting: unfinished jobs. total_bytes: all uploads and results. keep_s: lifetime of a finished job.

    process: memory and processor time of one job.
    """

    waiting: int
    total_bytes: int
    keep_s: float
    archive: Limits
    process: ProcessBounds


class Jobs:
    """Jobs of one service. Use it on the event loop; only one process may use `data`. still: Returns the present model."""

    def __init__(self, data: Path, still: Callable[[], StillEnhancer], bounds: Bounds) -> None:
        self._data, self._still, self._bounds = data, still, bounds
        self._folders: dict[str, Folder] = {}
        self._changed = asyncio.Condition()  # a job was added or has changed
        self._stop = threading.Event()  # set to end the running job
        self._process: IsolatedProcess | None = None
        self._running_id = ""
        self._uploading = 0  # uploads in progress
        self._opened = asyncio.Event()  # the folder has been read
        self.error = ""  # reason for rejecting every job; empty if there is none

    def get(self, job_id: str) -> Folder | None:
        return self._folders.get(job_id)

    def all(self) -> list[Job]:
        return [folder.job for folder in self._folders.values()]

    async def run(self) -> None:
        """Process jobs until cancelled; a restarted service restarts an interrupted job."""
        try:
            await asyncio.to_thread(self._open)
        except OSError as error:
            self.error = f"cannot write to {self._data} ({error.strerror or error}); set DAVY_ENHANCER_DATA"
            log.error("jobs.unavailable", reason=self.error)
            self._opened.set()
            await asyncio.Event().wait()  # the service keeps running without jobs
        self._opened.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._sweep(), name="enhancer.jobs.sweep")
            tasks.create_task(self._work(), name="enhancer.jobs.work")

    def _open(self) -> None:
        self._data.mkdir(parents=True, exist_ok=True)
        probe = self._data / ".probe"
        probe.touch()
        probe.unlink()
        for folder in load_all(self._data):
            if not folder.job.state.final:
                folder.job.state, folder.job.progress = State.QUEUED, 0.0
                if folder.job.attempts >= MAX_ATTEMPTS:
                    _give_up(folder)
            self._folders[folder.job.id] = folder

    async def create(self, job: Job, body: AsyncIterator[bytes]) -> Job:
        """Receive an upload to disk and queue it.

        Raises:
            OverloadedError: too many jobs wait.
            StorageFullError: the limit for jobs is reached, or the disk is full.
        """
        await self._opened.wait()
        if self.error:
            raise StorageFullError("the jobs' folder", self.error)
        unfinished = self._uploading + sum(not job.state.final for job in self.all())
        if unfinished >= self._bounds.waiting:
            raise OverloadedError("the queue of jobs", unfinished)
        folder = Folder(self._data / job.id, job)
        self._uploading += 1
        try:
            await asyncio.to_thread(folder.path.mkdir)
            await self._receive(folder, body)
            await asyncio.to_thread(folder.save)
        except OSError as error:
            await asyncio.to_thread(shutil.rmtree, folder.path, ignore_errors=True)
            raise StorageFullError("the jobs' folder", error.strerror or str(error)) from error
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, folder.path, ignore_errors=True)
            raise
        finally:
            self._uploading -= 1
        async with self._changed:
            self._folders[job.id] = folder
            self._changed.notify_all()
        return job

    async def _receive(self, folder: Folder, body: AsyncIterator[bytes]) -> None:
        with folder.upload.open("wb") as file:
            written = checked = 0
            async for chunk in body:
                if written >= checked:  # every 8 MB, and before the first byte
                    await asyncio.to_thread(self._check_space)
                    checked = written + 8_000_000
                written += await asyncio.to_thread(file.write, chunk)

    def _check_space(self) -> None:
        used = sum(path.stat().st_size for path in self._data.glob("*/*"))
        if used > self._bounds.total_bytes:
            raise StorageFullError("the jobs' folder", f"jobs use {used:,} of {self._bounds.total_bytes:,} bytes: delete some")
        if shutil.disk_usage(self._data).free < RESERVE_BYTES:
            raise StorageFullError("the jobs' folder", "the disk is full")

    async def delete(self, job_id: str) -> None:
        """Delete a job with its files; stop it first if it runs."""
        folder = self._folders.pop(job_id)
        async with self._changed:
            if self._running_id == job_id:
                self._end_process()
                await self._changed.wait_for(lambda: self._running_id != job_id)
            self._changed.notify_all()
        await asyncio.to_thread(shutil.rmtree, folder.path, ignore_errors=True)

    async def watch(self, job_id: str) -> AsyncIterator[Job]:
        """Yield the job now and after each change, until it ends or is deleted."""
        yielded: tuple[State, float] | None = None
        while (folder := self._folders.get(job_id)) is not None:
            now = (folder.job.state, folder.job.progress)
            if yielded != now:
                yielded = now
                yield folder.job.model_copy()  # it changes while the reader is busy
                continue
            if now[0].final:
                return
            async with self._changed:
                if now == (folder.job.state, folder.job.progress) and job_id in self._folders:
                    await self._changed.wait()

    async def _sweep(self) -> None:
        while True:
            limit = time.time() - self._bounds.keep_s
            for job in [job for job in self.all() if (job.finished or limit) < limit]:
                log.info("job.expired", job=job.id)
                await self.delete(job.id)
            await asyncio.sleep(SWEEP_S)

    async def _work(self) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: any(job.state is State.QUEUED for job in self.all()))
            folder = next(each for each in self._folders.values() if each.job.state is State.QUEUED)
            self._running_id = folder.job.id
            self._stop.clear()
            try:
                await self._run_job(folder)
            finally:
                self._running_id = ""
                self._end_process()  # after a cancellation it may still run
            await self._notify()

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _run_job(self, folder: Folder) -> None:
        job = folder.job
        job.state, job.attempts = State.RUNNING, job.attempts + 1
        await asyncio.to_thread(folder.save)  # before it begins: it may take the process with it
        await self._notify()
        log.info("job.started", job=job.id, kind=job.kind, name=job.name)
        reporter = asyncio.create_task(self._report(), name="enhancer.jobs.report")
        try:
            outcome = await asyncio.to_thread(self._enhance, folder)
            job.failures = [_without_paths(line, folder) for line in outcome.failures[:MAX_FAILURES]]
            job.notes = [_without_paths(line, folder) for line in outcome.notes[:MAX_FAILURES]]
            job.result_bytes = (await asyncio.to_thread(folder.result.stat)).st_size
            job.state = State.DONE
        except asyncio.CancelledError:  # the service ends by itself: no fault of the job
            job.attempts -= 1
            folder.save()
            raise
        except _Stopped:
            return  # deleted; `delete` removes the folder
        except Exception as error:  # a bad job must not end the runner
            known = isinstance(error, DavyError)
            job.detail = _without_paths(str(error), folder) if known else "unexpected error; see the log of the service"
            job.state = State.FAILED
            folder.result.unlink(missing_ok=True)
            await asyncio.to_thread(folder.tidy)  # a killed process leaves its temporary files
            log.warning("job.failed", job=job.id, error=str(error), exc_info=None if known else error)
        finally:
            reporter.cancel()
        job.finished, job.progress = time.time(), 1.0
        folder.upload.unlink(missing_ok=True)
        await asyncio.to_thread(folder.save)
        log.info("job.finished", job=job.id, state=job.state, took_s=round(job.finished - job.created, 1))

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            await self._notify()

    def _end_process(self) -> None:
        self._stop.set()
        if self._process is not None:
            self._process.kill()

    def _enhance(self, folder: Folder) -> Outcome:
        """Enhance the upload in a process of its own; blocks.

        Raises:
            ProcessEndedError: it exceeded a limit, or crashed.
            InvalidInputError: the upload cannot be read.
            StorageFullError: the limit for jobs is reached, or the disk is full.
        """
        job, checked_s = folder.job, float("inf")
        outcome: Outcome | None = None

        def on_line(line: bytes) -> None:
            nonlocal checked_s, outcome
            answer = Answer.model_validate_json(line)
            if answer.error:
                raise InvalidInputError(answer.error)
            job.progress, outcome = answer.progress, answer.outcome
            now_s = time.monotonic()
            checked_s = min(checked_s, now_s)
            if now_s - checked_s > 1:
                checked_s = now_s
                self._check_space()

        options = OutputOptions(job.strength, job.quality, dials=job.dials)
        request = JobRequest(
            kind=job.kind, source=folder.upload, target=folder.result, options=options, limits=self._bounds.archive
        )
        self._process = IsolatedProcess(MODULE, job.name, self._bounds.process)
        try:
            if self._stop.is_set():
                raise _Stopped
            self._process.run(request.to_bytes(self._still().network.data), on_line)
        except DavyError as error:
            if self._stop.is_set():
                raise _Stopped from error
            raise
        finally:
            self._process.close()
            self._process = None
        if outcome is None:
            raise InvalidInputError(f"{job.name}: no result")
        return outcome


def _give_up(folder: Folder) -> None:
    """Fail a job that ends the service again and again."""
    folder.job.state, folder.job.finished, folder.job.progress = State.FAILED, time.time(), 1.0
    folder.job.detail = f"the service ended {folder.job.attempts} times during this job"
    folder.upload.unlink(missing_ok=True)
    folder.save()
    log.error("job.given_up", job=folder.job.id, attempts=folder.job.attempts)


def _without_paths(text: str, folder: Folder) -> str:
    """Replace server paths by the client's file name."""
    return text.replace(str(folder.upload), folder.job.name).replace(str(folder.path), "")


def new_id() -> str:
    """Return an unguessable id: anybody who knows it can fetch the result."""
    return uuid.uuid4().hex
