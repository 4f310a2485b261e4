"""C2: one report with a huge epoch ended the aggregator, at every start again."""

import json
import sqlite3

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.security.conftest import is_ready, still_works

from davy.adapters.mqtt.bus import connect
from davy.domain.ports import Message
from davy.twin.protocol import MAX_EPOCH

pytestmark = pytest.mark.system

CONFIG = {"cameras": {name: {"source": f"http://10.0.0.7/{name}", "fps": 5} for name in ("face", "belt")}}
HUGE = [2**52, 2**53 - 1, 2**53, 2**63, 10**400, -1]


async def configure(aggregator, edge="north", config=CONFIG):
    return await aggregator.client.put(f"/v1/edges/{edge}/config", json={"config": config, "who": "t", "why": "t"})


@pytest.mark.parametrize("epoch", HUGE)
@pytest.mark.parametrize("payload", ["config", "model"])
async def test_c2_a_report_with_a_huge_epoch_changes_nothing(mosquitto, tmp_path, payload, epoch):
    async with (
        running(make_settings(tmp_path), make_site(mosquitto.endpoint)) as aggregator,
        connect(mosquitto.endpoint, "north") as bus,
    ):
        await until(lambda: bus.connected, 10)
        await until(lambda: is_ready(aggregator, "broker"), 10)
        assert (await configure(aggregator)).status_code == 200
        report = json.dumps({"epoch": epoch, "state": "active" if payload == "model" else "applied"}).encode()
        for edge in ("north", "ghost"):
            await bus.publish(Message(f"davy/v1/mine/{edge}/reported/{payload}", report, 1, retain=True))
        await still_works(aggregator, bus)
        found = await configure(aggregator)
        assert (found.status_code, found.json()["desired"]["epoch"]) == (200, 2)
    async with running(make_settings(tmp_path), make_site(mosquitto.endpoint)) as again:
        assert (await again.get("/v1/edges/north/config")).json()["desired"]["epoch"] == 2


async def test_c2_a_stored_configuration_with_a_huge_epoch_is_set_aside_with_an_event(tmp_path):
    async with running(make_settings(tmp_path), make_site()) as aggregator:
        await configure(aggregator)
    with sqlite3.connect(tmp_path / "davy.db") as database:
        body = json.loads(database.execute("SELECT body FROM edge_config WHERE epoch = 1").fetchone()[0])
        bad = json.dumps(body | {"epoch": MAX_EPOCH + 1})
        database.execute("INSERT INTO edge_config VALUES ('north', ?, ?)", (MAX_EPOCH + 1, bad))
        database.execute("INSERT INTO edge_config VALUES ('north', 7, '{\"not\": ')")
        database.execute("INSERT INTO rollout (id, body) VALUES ('r', 'x')")
        database.execute("INSERT INTO desired_model VALUES ('north', '{\"epoch\": 0}')")
    database.close()
    for _ in range(2):  # and once only
        async with running(make_settings(tmp_path), make_site()) as aggregator:
            assert (await aggregator.get("/v1/edges/north/config")).json()["desired"]["epoch"] == 1
            await until(lambda: _set_aside(aggregator, 4))
    with sqlite3.connect(tmp_path / "davy.db") as database:
        assert sorted(row[0] for row in database.execute("SELECT noun FROM set_aside")) == [
            "desired_model",
            "edge_config",
            "edge_config",
            "rollout",
        ]
    database.close()


async def _set_aside(aggregator, count):
    events = (await aggregator.get("/v1/events")).json()["events"]
    return sum(event["kind"].endswith("-set-aside") for event in events) == count
