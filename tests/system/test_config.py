"""Configuration down: a real broker, a real aggregator, a real edge with the simulated mine's cameras."""

import asyncio
from itertools import pairwise

import httpx
import pytest
from tests.davy_aggregator.conftest import make_settings, running
from tests.fixtures.configs import metas, seqs
from tests.fixtures.edges import ear, edge, until

from davy.adapters import mqtt
from davy.adapters.camera import OPENERS
from davy.domain.ports import Message
from davy.domain.topics import EdgeTopics
from davy.site import SiteConfig
from davy_edge.config.manager import open_state_file
from davy_simulator.world import Mine

pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.timeout(180)]
TOPICS = EdgeTopics("demo", "north")
PATH = "/v1/edges/north/config"
CAMERA = {"fps": 2, "width": 320, "height": 180, "max_age_ms": 5000}  # a busy machine loses no frame at that rate
CAMERAS = {name: {"source": f"mine://{name}", **CAMERA} for name in ("gallery", "face", "conveyor")}


@pytest.fixture(scope="module")
def openers():
    return {**OPENERS, "mine": Mine().open_source}


def site_of(broker: str, grpc_port: int = 9) -> SiteConfig:
    edges = {"north": {"cameras": CAMERAS}}
    aggregator = f"grpc://127.0.0.1:{grpc_port}"
    return SiteConfig.model_validate({"site": "demo", "broker": broker, "aggregator": aggregator, "edges": edges})


async def view(client: httpx.AsyncClient) -> dict:
    return (await client.get(PATH)).json()


async def put(client: httpx.AsyncClient, cameras: dict) -> httpx.Response:
    answer = await client.get(PATH)
    config = {**answer.json()["desired"]["config"], "cameras": cameras}
    return await client.put(PATH, json={"config": config}, headers={"If-Match": answer.headers["etag"]})


async def settle(client: httpx.AsyncClient, state: str) -> dict:
    async with asyncio.timeout(20):
        while True:
            found = await view(client)
            if found["state"] == state:
                return found
            await asyncio.sleep(0.05)


def gaps(received, camera: str, since: int) -> list[tuple[int, int]]:
    return [pair for pair in pairwise(seqs(received, camera)[since:]) if pair[1] != pair[0] + 1]


async def test_an_edge_is_configured_over_rest_refuses_what_it_cannot_be_and_boots_offline_as_it_was(
    mosquitto, tmp_path, openers
):
    folder = tmp_path / "edge"
    async with (
        ear(mosquitto.endpoint, f"{TOPICS.base}/cam/+/meta", TOPICS.desired_config) as received,
        running(make_settings(tmp_path / "aggregator"), site_of(mosquitto.endpoint)) as aggregator,
        edge(site_of(mosquitto.endpoint, aggregator.grpc_port), folder, openers, max_cameras=3) as north,
    ):
        client = aggregator.client
        await until(lambda: all(len(seqs(received, name)) >= 4 for name in CAMERAS), 40)
        since = {name: len(seqs(received, name)) - 1 for name in CAMERAS}

        # One camera's strength and rate: everybody else's frames go on, and so do its own.
        cameras = {**CAMERAS, "face": {**CAMERAS["face"], "strength": 0.25}}
        assert (await put(client, cameras)).status_code == 200
        assert (await settle(client, "applied"))["differs"] == []
        await until(lambda: metas(received, "face")[-1]["strength"] == 0.25)

        # What this edge cannot be: refused whole, with the field, and nothing of it runs.
        four = {**cameras, "shaft": CAMERAS["face"], "gallery": {**CAMERAS["gallery"], "strength": 0.75}}
        assert (await put(client, four)).status_code == 200
        assert "exceed the limit of 3" in (await settle(client, "rejected"))["reason"]
        assert (await put(client, {**cameras, "face": {"source": "gopher://x"}})).status_code == 422
        now = {name: len(seqs(received, name)) for name in CAMERAS}
        await until(lambda: all(len(seqs(received, name)) >= now[name] + 4 for name in CAMERAS), 20)
        assert metas(received, "gallery")[-1]["strength"] == 1.0
        assert {name: gaps(received, name, since[name]) for name in CAMERAS} == {name: [] for name in CAMERAS}

        # Back by history; the replay of an older order changes nothing.
        assert (await client.post(f"{PATH}/rollback", json={})).status_code == 200
        assert (await settle(client, "applied"))["desired"]["epoch"] == 3
        old = next(message for message in received if message.topic == TOPICS.desired_config)
        async with mqtt.connect(mosquitto.endpoint, "eve") as bus:
            await until(lambda: bus.connected)
            await bus.publish(Message(TOPICS.desired_config, old.payload, 1))
            await until(lambda: north.value("davy_config_desired_total", verdict="replayed") == 1)
        assert len({meta["boot_id"] for name in CAMERAS for meta in metas(received, name)}) == 1

    # Nobody is there: it boots as it was told last.
    async with edge(site_of("mqtt://127.0.0.1:9"), folder, openers) as north:
        await until(lambda: north.value("davy_frames_enhanced_total", camera="face") >= 2, 30)
        assert north.value("davy_config_epoch") == 3
    running_now = open_state_file(folder / "demo/north/config").pointer.active
    assert running_now is not None
    assert running_now["cameras"]["face"]["strength"] == 0.25
