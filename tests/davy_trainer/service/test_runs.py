"""Runs as they are: real processes of `davy train`, killed and stopped wherever it hurts."""

import asyncio
import os
import subprocess

import cv2
import numpy as np
import pytest
from tests.davy_aggregator.conftest import make_settings, make_site
from tests.davy_aggregator.conftest import running as aggregating
from tests.davy_aggregator.samples.test_rpc import push, sample
from tests.davy_trainer.service.conftest import (
    LONG,
    PROMPTS,
    RETRAIN,
    alive,
    answers,
    pid_of_command,
    pid_of_run,
    serving,
    sse,
    trains,
    until,
)

from davy.adapters.storage.model_registry import ModelRegistry
from davy.models import KeySet
from davy.models.keyring import TRUST
from davy.v1 import trainer_pb2, trainer_pb2_grpc

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]


async def test_a_run_streams_its_events_and_a_stream_resumes_after_the_last_one(settings):
    async with serving(settings(cpu_share=0.5)) as service:
        run = await service.start(**PROMPTS)
        events = await sse(service.client, run)
        assert events[-1][0] == "end"
        assert {kind for kind, _, _ in events} == {"state", "progress", "end"}
        ids = [int(number) for _, number, _ in events[:-1]]
        assert ids == sorted(set(ids))
        assert any('"total":20' in data.replace(" ", "") for kind, _, data in events if kind == "progress")
        half = len(ids) // 2
        assert [number for _, number, _ in (await sse(service.client, run, str(ids[half])))[:-1]] == [
            str(number) for number in ids[half + 1 :]
        ]
        seen = await service.get(run)
        assert (seen["state"], seen["phase"], seen["result"]["model"]) == ("done", "train", "")
        assert seen["result"]["figures"]["held-out-accuracy"] > 0.5
        stub = trainer_pb2_grpc.TrainerServiceStub(service.channel)
        watched = [event async for event in stub.WatchTrainingRun(trainer_pb2.WatchTrainingRunRequest(id=run, after=ids[half]))]
        assert [event.id for event in watched] == ids[half + 1 :]
        assert max(event.progress.step for event in watched) == 20


async def test_a_retrained_model_is_registered_with_its_evaluation_and_a_sheet(settings):
    given = settings()
    async with serving(given) as service:
        run = await service.ended(await service.start("retrain", **RETRAIN), 200)
        assert (run["state"], run["phase"]) == ("done", "rollout"), run["message"]
        figures = run["result"]["figures"]
        assert {"val-psnr-db", "val-psnr-db-running", "sample-luma"} <= set(figures)
        registry = ModelRegistry(given.registry_url, KeySet.load(given.keys / TRUST))
        (entry,) = registry.entries()
        assert (entry.id, entry.manifest.run, entry.tags) == (run["result"]["model"], run["id"], ("trained",))
        assert entry.manifest.figures == figures
        answer = await service.client.get(run["sheet"])
        assert answer.headers["content-type"] == "image/jpeg"
        sheet = cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_COLOR)
        assert sheet.shape[1] == 3 * 320  # sample | running | new
        assert service.registry.get_sample_value("davy_training_runs_total", {"kind": "retrain", "state": "done"}) == 1


@pytest.mark.slow  # 20 s; proposals are tested without a run
async def test_a_service_without_a_key_proposes_a_candidate_and_no_model(settings, tmp_path):
    given = settings(sign="person", keys=tmp_path / "nokeys")
    async with serving(given) as service:
        run = await service.ended(await service.start("retrain", **RETRAIN), 200)
        assert (run["state"], run["result"]["unsigned"]) == ("done", True), run["message"]
        assert "waits for a person's signature" in run["message"]
        registry = ModelRegistry(given.registry_url, KeySet())
        assert registry.entries() == []
        (entry,) = registry.candidates.entries()
        assert (entry.id, entry.manifest.figures) == (run["result"]["model"], run["result"]["figures"])
        assert run["id"] in entry.proposal.cause
        assert entry.proposal.cause.startswith("'owner' (open) started")
        assert "on the references" in entry.proposal.checks[1]


@pytest.mark.slow  # the adaptation has its own tests, and so have the samples of a run
async def test_drifted_cameras_are_adapted_to_from_the_aggregators_samples(settings, tmp_path):
    async with aggregating(make_settings(tmp_path / "aggregator"), make_site()) as aggregator:
        await push(aggregator, *(sample(seq, 2 * seq, camera="belt" if seq % 2 else "face") for seq in range(1, 7)))
        async with serving(settings(aggregator=aggregator.http)) as service:
            asked = {"kind": "adapt", "drifted": ["north.face"], "overrides": {"steps": 2, "prompt_steps": 0}}
            made = (await service.client.post("/v1/training-runs", json=asked)).json()
            run = await service.ended(made["id"])
            assert (run["state"], run["phase"]) == ("done", "rollout"), run["message"]
            assert run["result"]["model"]
            assert run["result"]["figures"]["sample-luma"] > 0.1


@pytest.mark.slow  # the next test has a reserve that takes over, too
async def test_of_two_services_on_a_folder_one_works_and_the_other_takes_over(settings):
    given = settings()
    async with serving(given) as reserve_or_first:
        async with serving(given) as other:
            ready = [(await each.client.get("/readyz")).json()["active"] for each in (reserve_or_first, other)]
            while not any(ready):
                ready = [(await each.client.get("/readyz")).json()["active"] for each in (reserve_or_first, other)]
            assert sorted(ready) == [False, True]
            first, second = (reserve_or_first, other) if ready[0] else (other, reserve_or_first)
            runs = [await second.start(**PROMPTS), await first.start(**PROMPTS)]
            await first.until(runs[0], lambda run: run["state"] == "running")
            assert [run["state"] for run in await second.all()] == ["waiting", "running"]
            assert first is reserve_or_first  # it came first, so the other goes first
        ended = [await reserve_or_first.ended(run) for run in runs]
        assert [run["state"] for run in ended] == ["done", "done"]
        assert ended[0]["ended_at"] <= ended[1]["started_at"]  # never two at once


@pytest.mark.slow  # two services, two runs: 40 s
async def test_the_reserve_goes_on_with_the_run_of_a_service_that_is_stopped(settings):
    given = settings()
    async with serving(given) as first:
        await until(lambda: answers(first.client), bool)
        run = await first.start(**LONG)
        await first.until(run, trains)
        pid = pid_of_run(given.data / "runs" / run)
    async with serving(given) as second:
        ended = await second.ended(run)
        assert ended["state"] == "done", ended["message"]
        assert not alive(pid)


@pytest.mark.slow  # 30 s; a killed run stays
async def test_a_cancelled_run_ends_after_its_checkpoint_and_can_be_resumed(settings):
    given = settings()
    async with serving(given) as service:
        run = await service.start(**LONG)
        await service.until(run, trains)
        now = (await service.client.post(f"/v1/training-runs/{run}/cancel")).json()
        assert (now["state"], now["cancelling"]) == ("running", True)
        cancelled = await service.ended(run, 40)
        assert (cancelled["state"], cancelled["cancelling"]) == ("cancelled", False)
        assert not alive(pid_of_run(given.data / "runs" / run))
        assert cancelled["progress"]["step"] < 400
        assert (await service.client.post(f"/v1/training-runs/{run}/resume")).status_code == 200
        ended = await service.ended(run)
        assert (ended["state"], ended["progress"]["step"]) == ("done", 400), ended["message"]


async def test_an_error_of_the_command_is_the_message_of_the_run_and_it_is_not_repeated(settings, tmp_path):
    (tmp_path / "empty").mkdir()
    async with serving(settings(low=(tmp_path / "empty",))) as service:
        ended = await service.ended(await service.start(**PROMPTS))
        assert (ended["state"], ended["kills"]) == ("failed", 0)
        assert "empty" in ended["message"]


async def test_a_run_keeps_to_its_share_of_the_processor(settings):
    given = settings(cpu_share=0.01)
    async with serving(given) as service:
        run = await service.start(**LONG)
        pid = await until(lambda: asyncio.to_thread(pid_of_command, given.data / "runs" / run), bool)
        assert os.sched_getaffinity(pid) == set(given.cores) and len(given.cores) == 1
        assert os.getpriority(os.PRIO_PROCESS, pid) == 19
        await service.client.post(f"/v1/training-runs/{run}/cancel")
        await service.ended(run)


async def test_f12_a_full_disk_under_a_run_holds_it_up_and_with_room_it_goes_on(settings, tmp_path):
    small = tmp_path / "data"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(small)]
    if (await asyncio.to_thread(subprocess.run, mount, capture_output=True)).returncode:
        pytest.skip("needs root for a small tmpfs")
    try:
        registry = f"file://{tmp_path / 'registry'}"
        async with serving(settings(data=small, registry=registry)) as service:
            run = await service.start(**PROMPTS)
            free = os.statvfs(small)
            (small / "other").write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - 250_000)))
            await asyncio.sleep(5)
            assert (await service.client.get("/healthz")).status_code == 200
            assert not list((tmp_path / "registry").rglob("*.json"))
            (small / "other").unlink()
            ended = await service.ended(run)
            if ended["state"] == "failed":  # the run's own process met the full disk
                assert (await service.client.post(f"/v1/training-runs/{run}/resume")).status_code == 200
                ended = await service.ended(run)
            assert ended["state"] == "done", ended["message"]
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "-l", str(small)], check=True)
