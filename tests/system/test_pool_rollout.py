"""A rollout to a site with an edge and an enhancer pool: aggregator, edges, enhancer and broker are real."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest
from tests.davy_aggregator.conftest import make_settings, until
from tests.davy_aggregator.conftest import running as running_aggregator
from tests.davy_enhancer.conftest import running as running_enhancer
from tests.fixtures.edges import edge as running_edge
from tests.fixtures.packages import bad_package, good_package, trust

from davy.adapters.embedded.servers import free_port
from davy.adapters.media import jpeg
from davy.site import SiteConfig

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

GOOD = good_package()
BLACK = bad_package("black")  # black where a picture is dark: on the pool's camera alone
OTHER = bad_package("slow")  # another network, whose id differs from the installed one's
PATIENT = {"latency_most": 1000.0}


@pytest.fixture(autouse=True)
def eager(monkeypatch):
    """Comparisons of every frame: the tests wait for them."""
    monkeypatch.setattr("davy.deployment.shadow.SHADOW_PER_S", 30.0)
    monkeypatch.setattr("davy.deployment.shadow.PROBATION_PER_S", 30.0)


class Mine:
    """Edge north, whose camera is well lit, and edge west without compute, whose camera is dark."""

    def __init__(self, folder, broker: str) -> None:
        self.folder, self.grpc_port = folder, free_port("127.0.0.1", 0)
        cameras = {name: self._camera(name, level) for name, level in (("bright", 150), ("dark", 8))}
        self.site = SiteConfig.model_validate(
            {
                "site": "demo",
                "broker": broker,
                "aggregator": f"grpc://127.0.0.1:{self.grpc_port}",
                "edges": {
                    "north": {"cameras": {"bright": cameras["bright"]}},
                    "west": {"enhance": "pool", "cameras": {"dark": cameras["dark"]}},
                },
            }
        )
        self.trust = folder / "agg" / "keys" / "trust.json"
        trust().save(self.trust)

    def _camera(self, name: str, level: int) -> dict:
        folder = self.folder / name
        folder.mkdir()
        grain = np.random.default_rng(0).integers(0, level // 4 + 2, (180, 320, 3), dtype=np.uint8)
        (folder / "0.jpg").write_bytes(jpeg.encode(grain + np.uint8(level), 95))
        return {"source": f"file://{folder}", "fps": 5, "max_age_ms": 10_000}

    @asynccontextmanager
    async def enhancer(self):
        async with running_enhancer(self.folder / "enhancer", self.site, trust=self.trust) as service:
            yield service

    @asynccontextmanager
    async def running(self):
        """Aggregator and both edges; the enhancer is apart."""
        settings = make_settings(self.folder / "agg", grpc_port=self.grpc_port)
        async with AsyncExitStack() as stack:
            aggregator = await stack.enter_async_context(running_aggregator(settings, self.site))
            for name in self.site.edges:
                edge = running_edge(self.site, self.folder / name / "data", edge=name, trust=self.trust)
                await stack.enter_async_context(edge)
            for package in (GOOD, BLACK, OTHER):
                assert (await aggregator.client.post("/v1/models", content=package.data, timeout=30)).status_code == 201
            yield aggregator


async def frames_of_both(aggregator) -> dict[str, str] | None:
    """The models in the newest frames; None before both cameras are live."""
    cameras = (await aggregator.get("/v1/cameras")).json()["cameras"]
    models = {camera["edge"]: camera["model"] for camera in cameras if camera["state"] == "live"}
    return models if len(models) == 2 else None


async def ready(aggregator) -> None:
    async def observe() -> bool:
        fleet = (await aggregator.get("/v1/fleet")).json()["edges"]
        return all(each["online"] for each in fleet) and await frames_of_both(aggregator) is not None

    await until(observe, 60)


async def start(aggregator, package, **spec) -> str:
    body = {"model": package.id, "shadow_frames": 0, "probation_s": 4, "per_minute": 6000} | spec
    made = await aggregator.client.post("/v1/rollouts", json=body)
    assert made.status_code == 201, made.text
    return made.json()["id"]


async def ended(aggregator, rollout: str) -> dict:
    async def observe() -> dict | None:
        found = (await aggregator.get(f"/v1/rollouts/{rollout}")).json()
        return found if found["state"] not in ("running", "paused") else None

    return await until(observe, 120)


async def reports(aggregator, model: str) -> None:
    """Wait until edge and pool report the model."""

    async def observe() -> bool:
        fleet = (await aggregator.get("/v1/fleet")).json()["edges"]
        return all((each["reported"]["model"], each["reported"]["state"]) == (model, "active") for each in fleet)

    await until(observe, 60)


@pytest.mark.slow  # 26 s; edge and pool have tests of their own
async def test_a_rollout_reaches_an_edge_and_the_pool_and_a_bad_model_is_rolled_back_on_both(mosquitto, tmp_path):
    mine = Mine(tmp_path, mosquitto.endpoint)
    async with mine.running() as aggregator, mine.enhancer():
        await ready(aggregator)
        done = await ended(aggregator, await start(aggregator, GOOD))
        assert done["state"] == "done", done["reason"]
        members = {each["edge"]: (each["kind"], each["wave"], each["state"]) for each in done["edges"]}
        assert members == {"north": ("edge", 0, "active"), "pool": ("enhancer", 1, "active")}
        await reports(aggregator, GOOD.id)
        model = (await aggregator.get(f"/v1/models/{GOOD.id}")).json()["model"]
        assert model["runs_on"] == ["north", "pool"]

        done = await ended(aggregator, await start(aggregator, BLACK, probation_s=6))
        assert done["state"] == "rolled-back"
        assert "pool: rolled-back (probation:black)" in done["reason"]
        assert {each["edge"]: each["returned"] for each in done["edges"]} == {"north": True, "pool": True}
        await reports(aggregator, GOOD.id)
        await until(lambda: _frames_carry(aggregator, GOOD.manifest.frame_id), 20)
        events = (await aggregator.get("/v1/events")).json()["events"]
        assert {"rollout-rolled-back", "enhancer-model-rolled-back"} <= {event["kind"] for event in events}


@pytest.mark.slow  # 30 s
async def test_an_enhancer_that_restarts_during_a_rollout_ends_on_its_model(mosquitto, tmp_path):
    mine = Mine(tmp_path, mosquitto.endpoint)
    async with mine.running() as aggregator:
        async with mine.enhancer():
            await ready(aggregator)
            rollout = await start(aggregator, OTHER, probation_s=8, edges=["west", "north"], gates=PATIENT)

            async def on_probation() -> bool:
                found = (await aggregator.get(f"/v1/rollouts/{rollout}")).json()["edges"]
                return any((each["edge"], each["state"]) == ("pool", "probation") for each in found)

            await until(on_probation, 40)
        await asyncio.sleep(0.5)
        async with mine.enhancer():
            done = await ended(aggregator, rollout)
            assert (done["state"], {each["edge"] for each in done["edges"]}) == ("done", {"north", "pool"})
            await reports(aggregator, OTHER.id)
            await until(lambda: _frames_carry(aggregator, OTHER.manifest.frame_id), 20)


async def _frames_carry(aggregator, model: str) -> bool:
    models = await frames_of_both(aggregator)
    return models is not None and set(models.values()) == {model}
