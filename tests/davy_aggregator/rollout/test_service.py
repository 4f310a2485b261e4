"""The whole aggregator, a real broker, and edges that talk."""

import asyncio
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.fleet import TalkingEdge, talking
from tests.fixtures.packages import bad_package, good_package, trust

from davy.twin.model import ModelState, ReportedModel
from davy.v1 import model_pb2, model_pb2_grpc

pytestmark = pytest.mark.system

GOOD = good_package()
CAMERA = {"cameras": {"face": {"source": "mine://face"}}}


def site_of(mosquitto, count: int):
    return make_site(mosquitto.endpoint, **{f"e{index:03}": CAMERA for index in range(count)})


def settings_of(folder: Path):
    trust().save(folder / "keys" / "trust.json")
    return make_settings(folder)


async def online(aggregator, count: int) -> None:
    async def observed() -> bool:
        edges = (await aggregator.get("/v1/edges")).json()["edges"]
        return sum(edge["status"] == "online" for edge in edges) >= count

    await until(observed, 20)


async def begin(aggregator, package=GOOD, **spec) -> str:
    if package.id not in [model["id"] for model in (await aggregator.get("/v1/models")).json()["models"]]:
        added = await aggregator.client.post("/v1/models", content=package.data, timeout=30)
        assert added.status_code == 201, added.text
    made = await aggregator.client.post("/v1/rollouts", json={"model": package.id, "probation_s": 1, "per_minute": 6000} | spec)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def ended(aggregator, rollout: str, timeout_s: float = 20) -> dict:
    async def observe() -> dict | None:
        found = (await aggregator.get(f"/v1/rollouts/{rollout}")).json()
        return found if found["state"] not in ("running", "paused") else None

    return await until(observe, timeout_s)


async def test_a_model_goes_to_every_edge_in_waves_and_late_edges_follow(mosquitto, tmp_path):
    edges = [TalkingEdge(f"e{index:03}") for index in range(30)]
    here, away = edges[:27], edges[27:]
    async with running(settings_of(tmp_path), site_of(mosquitto, 30)) as aggregator:
        async with talking(mosquitto.endpoint, "mine", *here):
            await online(aggregator, 27)
            rollout = await begin(aggregator)
            done = await ended(aggregator, rollout)
            assert (done["state"], done["waves"]) == ("done", 4)
            assert "3 edges are offline" in done["reason"]
            assert {edge.model for edge in here} == {GOOD.id}
            assert [len(edge.received) for edge in here] == [1] * 27
            assert sum(bool(edge.received[0].trial.shadow_frames) for edge in here) == 1
            async with talking(mosquitto.endpoint, "mine", *away):
                await until(lambda: all(edge.model == GOOD.id for edge in away), 20)
            fleet = (await aggregator.get("/v1/fleet")).json()["edges"]
            assert len(fleet) == 30
        kinds = [event["kind"] for event in (await aggregator.get("/v1/events")).json()["events"]]
        assert {"rollout-started", "rollout-wave", "rollout-done"} <= set(kinds)
        model = (await aggregator.get(f"/v1/models/{GOOD.id}")).json()["model"]
        assert len(model["runs_on"]) == 30
        assert (await aggregator.client.delete(f"/v1/models/{GOOD.id}")).status_code == 409  # it runs


async def test_f22_a_model_that_the_canary_refuses_reaches_no_other_edge(mosquitto, tmp_path):
    bad = bad_package("black")
    edges = [TalkingEdge(f"e{index:03}", lambda edge, desired: (ModelState.FAILED, "gate:black")) for index in range(5)]
    async with running(settings_of(tmp_path), site_of(mosquitto, 5)) as aggregator:
        async with talking(mosquitto.endpoint, "mine", *edges):
            await online(aggregator, 5)
            rollout = await begin(aggregator, bad)
            done = await ended(aggregator, rollout)
            assert done["state"] == "rolled-back"
            assert "gate:black" in done["reason"]
            touched = [edge for edge in edges if edge.received]
            await until(lambda: len(touched[0].received) == 2)
        assert len(touched) == 1
        canary = next(edge for edge in done["edges"] if edge["edge"] == touched[0].name)
        assert (canary["state"], canary["returned"], canary["figures"]["brightness-ratio"]) == ("failed", True, 0.02)
        assert touched[0].received[1].model == ""  # what was installed
        alarms = (await aggregator.get("/v1/events?severity=alarm")).json()["events"]
        assert "rollout-rolled-back" in [event["kind"] for event in alarms]


async def test_pause_resume_abort_and_one_rollout_at_a_time(mosquitto, tmp_path):
    edges = [TalkingEdge(f"e{index:03}", step_s=0.2) for index in range(4)]
    async with running(settings_of(tmp_path), site_of(mosquitto, 4)) as aggregator:
        post = aggregator.client.post
        async with talking(mosquitto.endpoint, "mine", *edges):
            await online(aggregator, 4)
            rollout = await begin(aggregator)
            assert (await post(f"/v1/rollouts/{rollout}/pause")).json()["state"] == "paused"
            second = await post("/v1/rollouts", json={"model": GOOD.id})
            assert (second.status_code, second.json()["type"]) == (409, "urn:davy:problem:conflict")
            await until(lambda: sum(edge.model == GOOD.id for edge in edges) == 1)
            await asyncio.sleep(1.2)
            assert sum(bool(edge.received) for edge in edges) == 1
            foreign = await post(f"/v1/rollouts/{rollout}/abort", headers={"Origin": "http://evil.example"})
            assert foreign.status_code == 403
            await post(f"/v1/rollouts/{rollout}/resume")
            await until(lambda: sum(bool(edge.received) for edge in edges) >= 2)
            aborted = await post(f"/v1/rollouts/{rollout}/abort")
            assert aborted.json()["state"] == "aborted"
            await until(lambda: all(not edge.received or edge.model == "" for edge in edges))
        assert (await post(f"/v1/rollouts/{rollout}/abort")).status_code == 409
        assert (await post("/v1/rollouts/nothing/abort")).status_code == 404


async def test_enhancers_are_targets_by_their_ids_as_pool_and_by_the_edges_that_they_serve(mosquitto, tmp_path):
    site = make_site(mosquitto.endpoint, e000=CAMERA, thin=CAMERA | {"enhance": "pool"})
    site = site.model_copy(update={"enhancers": ("pool-a", "pool-b")})
    devices = [TalkingEdge("e000"), TalkingEdge("pool-a"), TalkingEdge("pool-b")]
    async with running(settings_of(tmp_path), site) as aggregator, talking(mosquitto.endpoint, "mine", *devices):

        async def fleet() -> list[tuple[str, str, bool]]:
            found = (await aggregator.get("/v1/fleet")).json()["edges"]
            return [(each["edge"], each["kind"], each["online"]) for each in found]

        wanted = [("e000", "edge", True), ("pool-a", "enhancer", True), ("pool-b", "enhancer", True)]
        await until(lambda: _equals(fleet, wanted), 20)
        assert [edge["edge"] for edge in (await aggregator.get("/v1/edges")).json()["edges"]] == ["e000", "thin"]
        for name, reached in (("pool-b", ["pool-b"]), ("pool", ["pool-a", "pool-b"]), ("thin", ["pool-a", "pool-b"])):
            done = await ended(aggregator, await begin(aggregator, good_package(name), edges=[name]))
            assert (done["state"], [edge["edge"] for edge in done["edges"]]) == ("done", reached)
        await ended(aggregator, await begin(aggregator))
    assert {device.model for device in devices} == {GOOD.id}


async def _equals(observe, wanted) -> bool:
    return await observe() == wanted


async def test_a_pool_without_cameras_is_no_target(mosquitto, tmp_path):
    async with (
        running(settings_of(tmp_path), site_of(mosquitto, 1)) as aggregator,
        talking(mosquitto.endpoint, "mine", TalkingEdge("e000"), TalkingEdge("pool")),
    ):
        await online(aggregator, 1)
        assert [each["edge"] for each in (await aggregator.get("/v1/fleet")).json()["edges"]] == ["e000"]
        await begin(aggregator)
        refused = await aggregator.client.post("/v1/rollouts", json={"model": GOOD.id, "edges": ["nobody"]})
        assert refused.status_code == 409


async def test_an_enhancer_that_rolls_a_model_back_is_in_the_archive(mosquitto, tmp_path):
    site = make_site(mosquitto.endpoint, thin=CAMERA | {"enhance": "pool"})
    pool = TalkingEdge("pool", lambda edge, desired: (ModelState.ROLLED_BACK, "probation:black"))
    async with running(settings_of(tmp_path), site) as aggregator, talking(mosquitto.endpoint, "mine", pool):

        async def is_online() -> bool:
            return (await aggregator.get("/v1/fleet")).json()["edges"][0]["online"]

        await until(is_online, 20)
        done = await ended(aggregator, await begin(aggregator))
        assert (done["state"], "probation:black" in done["reason"]) == ("rolled-back", True)

        async def archived() -> list[str]:
            return [each["kind"] for each in (await aggregator.get("/v1/events?severity=alarm")).json()["events"]]

        await until(lambda: _equals(archived, ["rollout-rolled-back", "enhancer-model-rolled-back"]), 10)


async def test_f04_f19_a_rollout_continues_after_a_restart_and_is_published_again_to_a_broker_that_lost_it(mosquitto, tmp_path):
    edges = [TalkingEdge(f"e{index:03}", step_s=0.05) for index in range(12)]
    settings, site = settings_of(tmp_path), site_of(mosquitto, 12)
    async with talking(mosquitto.endpoint, "mine", *edges[:11]):
        async with running(settings, site) as aggregator:
            await online(aggregator, 11)
            rollout = await begin(aggregator)
            await until(lambda: sum(bool(edge.received) for edge in edges) >= 1)
        async with running(settings, site) as aggregator:
            done = await ended(aggregator, rollout)
            assert done["state"] == "done"
            mosquitto.kill()  # it keeps nothing
            mosquitto.start()
            async with talking(mosquitto.endpoint, "mine", edges[11]):
                await until(lambda: edges[11].model == GOOD.id, 20)
    assert [len(edge.received) for edge in edges] == [1] * 12


async def test_an_aggregator_that_lost_its_data_continues_above_the_reported_epochs(mosquitto, tmp_path):
    edge = TalkingEdge("e000")
    async with talking(mosquitto.endpoint, "mine", edge):
        for folder in ("first", "second"):
            async with running(settings_of(tmp_path / folder), site_of(mosquitto, 1)) as aggregator:
                await online(aggregator, 1)
                await ended(aggregator, await begin(aggregator, good_package(folder)))
                await until(lambda folder=folder: edge.model == good_package(folder).id)
    assert [desired.epoch for desired in edge.received] == [1, 2]


async def test_f23_an_edge_that_reports_a_higher_epoch_gets_the_decision_above_it(mosquitto, tmp_path):
    here, away = TalkingEdge("e000"), TalkingEdge("e001", reported=ReportedModel(epoch=50, state=ModelState.ACTIVE))
    async with (
        running(settings_of(tmp_path), site_of(mosquitto, 2)) as aggregator,
        talking(mosquitto.endpoint, "mine", here),
    ):
        await online(aggregator, 1)
        await ended(aggregator, await begin(aggregator))
        async with talking(mosquitto.endpoint, "mine", away):
            await until(lambda: away.model == GOOD.id)
            await until(lambda: away.reported.state is ModelState.ACTIVE)
    assert [desired.epoch for desired in away.received] == [51]
    assert [desired.epoch for desired in here.received] == [1]


async def test_grpc_lists_gives_out_in_pieces_and_watches(mosquitto, tmp_path):
    edges = [TalkingEdge(f"e{index:03}") for index in range(3)]
    async with running(settings_of(tmp_path), site_of(mosquitto, 3)) as aggregator:
        models, rollouts = (
            model_pb2_grpc.ModelServiceStub(aggregator.channel),
            model_pb2_grpc.RolloutServiceStub(aggregator.channel),
        )
        async with talking(mosquitto.endpoint, "mine", *edges):
            await online(aggregator, 3)
            assert (await aggregator.client.post("/v1/models", content=GOOD.data, timeout=30)).status_code == 201
            (listed,) = (await models.ListModels(model_pb2.ListModelsRequest())).models
            assert (listed.id, listed.sha256, listed.size) == (GOOD.id, GOOD.sha256, len(GOOD.data))
            assert (await models.GetModel(model_pb2.GetModelRequest(id=listed.frame_id))).model.card == "# A card"
            for offset in (0, 100_000, len(GOOD.data)):
                call = models.DownloadModel(model_pb2.DownloadModelRequest(id=GOOD.id, offset=offset, sha256=GOOD.sha256))
                chunks = [chunk async for chunk in call]
                assert b"".join(chunk.data for chunk in chunks) == GOOD.data[offset:]
                assert all(len(chunk.data) <= 262_144 for chunk in chunks)
            request = model_pb2.CreateRolloutRequest(model=GOOD.id, probation_s=1, per_minute=100)
            made = (await rollouts.CreateRollout(request)).rollout
            watching = rollouts.WatchRollout(model_pb2.WatchRolloutRequest(id=made.id))
            states = [found.rollout async for found in watching]
            assert (made.state, states[-1].state) == ("running", "done")
            assert {edge.state for edge in states[-1].edges} == {"active"}
            assert (await rollouts.GetRollout(model_pb2.GetRolloutRequest(id=made.id))).rollout.state == "done"


async def test_rest_accepts_signed_models_tags_compares_and_rejects_others(aggregator, tmp_path):
    trust().save(tmp_path / "keys" / "trust.json")
    post = aggregator.client.post
    refused = await post("/v1/models", content=GOOD.data[:-1])
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:davy:problem:model-refused")
    assert "truncated" in refused.json()["detail"]
    for package in (GOOD, good_package("r2", GOOD.id)):
        assert (await post("/v1/models", content=package.data)).status_code == 201
    assert (await aggregator.client.put(f"/v1/models/{GOOD.id}/tags/stable")).json()["tags"] == ["stable"]
    assert (await aggregator.get("/v1/models/stable/package.zip")).content == GOOD.data
    compared = (await aggregator.get(f"/v1/models/compare?a=stable&b={good_package('r2', GOOD.id).id}")).json()
    assert compared["figures"] == [{"figure": "val-psnr-db", "a": 23.2, "b": 23.2, "difference": 0}]
    assert (await aggregator.client.delete(f"/v1/models/{GOOD.id}")).status_code == 409
    assert (await aggregator.get("/v1/models/nothing")).status_code == 404
    nobody = await post("/v1/rollouts", json={"model": "stable"})
    assert (nobody.status_code, "offline" in nobody.json()["detail"]) == (409, True)
    assert (await aggregator.client.delete("/v1/models?keep=0&days=0&dry_run=true")).json()["models"][0]["parent"] == GOOD.id


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_f23_two_hundred_edges_a_tenth_of_them_late(mosquitto, tmp_path):
    import psutil

    edges = [TalkingEdge(f"e{index:03}", step_s=0.1) for index in range(200)]
    async with running(settings_of(tmp_path), site_of(mosquitto, 200)) as aggregator:
        async with talking(mosquitto.endpoint, "mine", *edges[:180]):
            await online(aggregator, 180)
            before = psutil.Process().memory_info().rss
            done = await ended(aggregator, await begin(aggregator), 120)
            assert done["state"] == "done"
            async with talking(mosquitto.endpoint, "mine", *edges[180:]):
                await until(lambda: all(edge.model == GOOD.id for edge in edges), 60)
            grown = psutil.Process().memory_info().rss - before
        assert {edge.reported.epoch for edge in edges} == {edge.received[-1].epoch for edge in edges}
        assert grown < 100_000_000
        print(f"\n200 edges converged; process grew by {grown / 1e6:.1f} MB")


@pytest.mark.slow
async def test_f04_the_rollout_continues_after_kill_9_of_the_aggregator(mosquitto, tmp_path):
    edges = [TalkingEdge(f"e{index:03}", step_s=0.3) for index in range(20)]
    site = {"site": "mine", "broker": mosquitto.endpoint, "edges": {edge.name: CAMERA for edge in edges}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump(site))
    trust().save(tmp_path / "data" / "keys" / "trust.json")
    arguments = [
        sys.executable,
        "-m",
        "davy",
        "aggregator",
        "--insecure",
        "--config",
        str(tmp_path / "site.yaml"),
        "--data",
        str(tmp_path / "data"),
    ]

    async def start() -> tuple[asyncio.subprocess.Process, str]:
        pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
        process = await asyncio.create_subprocess_exec(*arguments, "--port", "0", "--grpc-port", "0", **pipes)
        assert process.stdout
        return process, (await process.stdout.readline()).decode().split()[1]

    async with talking(mosquitto.endpoint, "mine", *edges), httpx.AsyncClient(timeout=30) as client:
        process, url = await start()
        assert (await client.post(f"{url}/v1/models", content=GOOD.data)).status_code == 201

        async def fleet_is_online() -> bool:
            return all(edge["online"] for edge in (await client.get(f"{url}/v1/fleet")).json()["edges"])

        await until(fleet_is_online, 20)
        asked = {"model": GOOD.id, "probation_s": 1, "per_minute": 6000}
        rollout = (await client.post(f"{url}/v1/rollouts", json=asked)).json()["id"]
        for count in (1, 2, 10):  # in every wave once
            await until(lambda count=count: sum(bool(edge.received) for edge in edges) >= count, 20)
            process.kill()
            await process.wait()
            process, url = await start()

        async def done() -> bool:
            return (await client.get(f"{url}/v1/rollouts/{rollout}")).json()["state"] == "done"

        await until(done, 30)
        process.kill()
        await process.wait()
    assert [len(edge.received) for edge in edges] == [1] * 20
    assert {edge.model for edge in edges} == {GOOD.id}
