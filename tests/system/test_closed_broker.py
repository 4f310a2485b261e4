"""A mine whose broker is closed: every service does its work under its own name."""

import asyncio

import pytest
from tests.davy_aggregator.conftest import make_settings, running
from tests.davy_edge.conftest import pictures  # noqa: F401  # a fixture
from tests.fixtures.closed_broker import closed_broker
from tests.fixtures.edges import ear, edge, site_of, until

pytestmark = [pytest.mark.system, pytest.mark.alone, pytest.mark.timeout(120)]
PATH = "/v1/edges/north/config"
WANTED = [f"davy/v1/+/+/{leaf}" for leaf in ("cam/+/frame", "reported/config", "desired/config")]  # the last is refused


async def test_f18_an_edge_shows_its_frames_and_is_configured_with_its_own_rights_alone(pictures, tmp_path):  # noqa: F811
    site = site_of(pictures)
    with closed_broker(site, tmp_path) as closed:

        def seen_by(user: str, **more: str):
            return site.model_copy(update={"broker": closed.endpoint(user), **more})

        async with (
            running(make_settings(tmp_path / "aggregator"), seen_by("davy-aggregator")) as aggregator,
            ear(closed.endpoint("davy-viewer"), *WANTED) as heard,
            edge(seen_by("north", aggregator=f"grpc://127.0.0.1:{aggregator.grpc_port}"), tmp_path / "edge"),
        ):
            await until(lambda: any(message.topic.endswith("cam/face/frame") for message in heard), 20)
            found = (await aggregator.get(PATH)).json()
            config = found["desired"]["config"]
            config["cameras"]["face"]["strength"] = 0.5
            assert (await aggregator.client.put(PATH, json={"config": config})).status_code == 200
            async with asyncio.timeout(20):
                while found["state"] != "applied" or found["desired"]["epoch"] != 1 or not found["online"]:
                    found = (await aggregator.get(PATH)).json()
                    await asyncio.sleep(0.05)
        assert not any("/desired/" in message.topic for message in heard)
        assert any(message.topic.endswith("/reported/config") for message in heard)
