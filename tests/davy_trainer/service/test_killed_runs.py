"""Training runs whose process or service is killed."""

import httpx
import pytest
from tests.davy_trainer.service.conftest import LONG, alive, answers, kill_9, pid_of_run, process, serving, sse, trains, until

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


@pytest.mark.slow  # davy_trainer/cli kills and resumes the same command; the next test adopts what a kill leaves
async def test_f24_a_killed_process_goes_on_from_its_checkpoint(settings):
    given = settings()
    async with serving(given) as service:
        run = await service.start(**LONG)
        seen = await service.until(run, trains)
        kill_9(pid_of_run(given.data / "runs" / run))
        again = await service.until(run, lambda now: now["kills"] == 1)
        assert "signal 9" in again["message"]
        ended = await service.ended(run)
        assert (ended["state"], ended["progress"]["step"]) == ("done", 400), ended["message"]
        assert service.registry.get_sample_value("davy_training_resumed_total") == 1
        steps = [event for event in await sse(service.client, run) if event[0] == "progress"]
        assert len(steps) > 3 and seen["progress"]["step"] > 10


async def test_f24_a_run_that_is_killed_without_progress_fails_with_a_reason(settings):
    given = settings(attempts=2)
    async with serving(given) as service:
        run = await service.start(**LONG)
        for kills in range(2):
            pid = await until(lambda: _pid(given.data / "runs" / run), bool)
            kill_9(pid)
            if kills == 0:
                await service.until(run, lambda now: now["kills"] == 1)
                await until(lambda pid=pid: _other(given.data / "runs" / run, pid), bool)
        ended = await service.ended(run)
        assert (ended["state"], "killed 2 times" in ended["message"]) == ("failed", True), ended["message"]


async def _pid(folder) -> int:
    return pid_of_run(folder) if (folder / "pid").exists() and alive(pid_of_run(folder)) else 0


async def _other(folder, pid: int) -> bool:
    found = await _pid(folder)
    return found not in (0, pid)


async def test_f24_a_killed_service_leaves_its_run_which_the_next_adopts(settings, tmp_path, free_port):
    given = settings(port=free_port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=20) as client:
        with process(given, tmp_path / "first.log") as first:
            await until(lambda: answers(client), bool)
            made = await client.post("/v1/training-runs", json={"kind": "prompts", "overrides": LONG})
            run = made.json()["id"]
            await until(lambda: _run(client, run), trains)
            pid = pid_of_run(given.data / "runs" / run)
            kill_9(first.pid)
            first.wait()
        assert alive(pid)  # it does not share the service's fate
        async with serving(settings()) as service:
            assert alive(pid)
            ended = await service.ended(run)
            assert (ended["state"], ended["kills"]) == ("done", 0), ended["message"]
            assert not alive(pid)


@pytest.mark.slow
async def test_f24_service_and_process_killed_the_next_service_resumes(settings, tmp_path, free_port):
    given = settings(port=free_port)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{free_port}", timeout=20) as client:
        with process(given, tmp_path / "first.log") as first:
            await until(lambda: answers(client), bool)
            made = await client.post("/v1/training-runs", json={"kind": "prompts", "overrides": LONG})
            run = made.json()["id"]
            before = await until(lambda: _run(client, run), trains)
            kill_9(first.pid)
            kill_9(pid_of_run(given.data / "runs" / run))
            first.wait()
        async with serving(settings()) as service:
            ended = await service.ended(run)
            assert ended["state"] == "done", ended["message"]
            assert before["progress"]["step"] < ended["progress"]["step"] == 400


async def _run(client: httpx.AsyncClient, run: str) -> dict:
    return (await client.get(f"/v1/training-runs/{run}")).json()
