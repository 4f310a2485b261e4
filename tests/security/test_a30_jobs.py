"""A30: a job that ends the service began again at every start; a bomb ends the process of its job only."""

import asyncio
import json
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from tests.davy_aggregator.conftest import until
from tests.davy_enhancer.conftest import running
from tests.davy_enhancer.test_jobs import FFMPEG, finished, needs_ffmpeg, send

from davy.adapters.process.isolated import Bounds as ProcessBounds
from davy.imaging.runtime import StillEnhancer
from davy_enhancer.jobs.bundle import Limits
from davy_enhancer.jobs.job import Folder, Job, State
from davy_enhancer.jobs.runner import MAX_ATTEMPTS, Bounds, Jobs

pytestmark = pytest.mark.system

PROCESS = ProcessBounds(2 * 10**9, 60)


async def test_a30_a_job_that_ended_the_service_again_and_again_is_given_up(tmp_path):
    for name, attempts in (("good", 0), ("bomb", MAX_ATTEMPTS)):
        (tmp_path / name).mkdir()
        folder = Folder(tmp_path / name, Job(id=name, kind="zip", name="a.zip", state=State.RUNNING, attempts=attempts))
        folder.upload.write_bytes(b"no zip")
        folder.save()
    jobs = Jobs(tmp_path, StillEnhancer, Bounds(8, 10**9, 3600, Limits(10**6, 10**6, 10**6), PROCESS))
    task = asyncio.create_task(jobs.run())
    await until(lambda: (found := jobs.get("bomb")) is not None and found.job.state is State.FAILED)
    assert f"ended {MAX_ATTEMPTS} times" in jobs.get("bomb").job.detail
    await until(lambda: jobs.get("good").job.state is State.FAILED)  # tried, for it is no archive
    assert jobs.get("good").job.attempts == 1
    task.cancel()
    await asyncio.wait({task})


def video(path: Path, size: str, seconds: int, source: str = "color=black", codec: str = "mpeg4") -> bytes:
    graph = f"{source}:size={size}:rate=10:duration={seconds}" if source == "color=black" else f"{source}=size={size}:rate=10"
    words = [str(FFMPEG), "-v", "error", "-y", "-f", "lavfi", "-i", graph, "-t", str(seconds), "-c:v", codec, str(path)]
    subprocess.run(words, check=True)
    return path.read_bytes()


def child_of_job() -> psutil.Process | None:
    """The process of the running job."""
    for each in psutil.Process().children():
        with suppress(psutil.Error):
            if "davy_enhancer.jobs.child" in each.cmdline():
                return each
    return None


@needs_ffmpeg
async def test_a30_a_memory_bomb_fails_its_job_and_the_service_stays_small(tmp_path):
    bomb = video(tmp_path / "bomb.avi", "8000x8000", 1)
    assert len(bomb) < 10_000_000
    async with running(tmp_path / "data", jobs_memory_bytes=1_000_000_000) as service:
        before = psutil.Process().memory_info().rss
        job = await finished(service, await send(service, bomb, name="bomb.avi"))
        assert job["state"] == "failed"
        assert "memory" in job["detail"]
        assert str(tmp_path) not in job["detail"]
        assert psutil.Process().memory_info().rss - before < 100_000_000
        folder = tmp_path / "data" / "jobs" / str(job["id"])
        await until(lambda: [path.name for path in folder.iterdir()] == ["job.json"])
        await still_works(service, tmp_path)


@needs_ffmpeg
async def test_a30_a_job_that_needs_too_much_time_fails(tmp_path):
    long = video(tmp_path / "long.mkv", "1280x720", 60, "testsrc2")
    async with running(tmp_path / "data", jobs_cpu_s=3) as service:
        job = await finished(service, await send(service, long, name="long.mkv"))
        assert (job["state"], job["detail"]) == ("failed", "long.mkv: it needs more than 3 s of processor time")
        await still_works(service, tmp_path)


@needs_ffmpeg
@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
async def test_a30_a_decoder_that_crashes_fails_its_job_only(tmp_path, number):
    long = video(tmp_path / "long.mkv", "1280x720", 60, "testsrc2")
    async with running(tmp_path / "data") as service:
        answer = await send(service, long, name="long.mkv")
        await until(lambda: child_of_job() is not None, 20)
        child_of_job().send_signal(number)
        job = await finished(service, answer)
        assert (job["state"], job["detail"].startswith("long.mkv: it ")) == ("failed", True)
        await still_works(service, tmp_path)


@needs_ffmpeg
async def test_a30_a_stopped_service_leaves_no_process_behind_and_counts_no_attempt(tmp_path):
    long = video(tmp_path / "long.mkv", "1280x720", 60, "testsrc2")
    async with running(tmp_path / "data") as service:
        await send(service, long, name="long.mkv")
        await until(lambda: child_of_job() is not None, 20)
        child = child_of_job()
    assert not child.is_running()
    (stored,) = (tmp_path / "data" / "jobs").glob("*/job.json")
    assert json.loads(stored.read_text())["attempts"] == 0


async def still_works(service, folder: Path) -> None:
    assert (await service.http.get("/readyz")).json()["status"] != "unready"
    good = await finished(service, await send(service, video(folder / "good.avi", "64x48", 1), name="good.avi"))
    assert good["state"] == "done"
