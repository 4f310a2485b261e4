"""Discovery messages of Home Assistant on a real broker."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.rest.test_events import report

from davy.adapters.mqtt.bus import connect
from davy.domain.alarms import AlarmPoint
from davy.domain.camera import CameraAddress
from davy.domain.ports import Message
from davy_aggregator.home_assistant import publisher
from davy_aggregator.home_assistant.devices import alarm_entity, camera_device, edge_device, site_device

# What home-assistant.io/integrations/mqtt asks for: of a device, of every entity, and of each platform.
REQUIRED = {"camera": {"topic"}, "sensor": {"state_topic"}, "binary_sensor": {"state_topic"}}
FACE = CameraAddress("mine", "north", "face")
ROOF = AlarmPoint("roof-fall", "north.face", "zone-1")


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(publisher, "EVERY_S", 0.1)
    monkeypatch.setattr(publisher, "RETRY_S", 0.2)


@asynccontextmanager
async def seen(endpoint):
    """The newest message of each topic below homeassistant/, and a bus."""
    found: dict[str, list[bytes]] = {}
    async with connect(endpoint, "home") as bus:

        async def listen():
            async for message in bus.subscribe(["homeassistant/#"], depth=1000):
                found.setdefault(message.topic.removeprefix("homeassistant/device/davy-mine/"), []).append(message.payload)

        task = asyncio.create_task(listen())
        try:
            await until(lambda: bus.connected)
            yield found, bus
        finally:
            task.cancel()


def test_every_device_has_what_home_assistant_requires():
    alarms = dict([alarm_entity("mine", ROOF, "Roof fall")])
    devices = [camera_device(FACE, "Coal face", "panel-7", alarms), edge_device("mine", "north", {}), site_device("mine", {})]
    names = []
    for device in devices:
        assert device["device"]["identifiers"]
        assert device["origin"]["name"] == "davy"
        for entity in device["components"].values():
            assert REQUIRED[entity["platform"]] <= entity.keys()
            assert not (entity["platform"] == "camera" and "state_topic" in entity)
            names.append(entity["unique_id"])
    assert len(set(names)) == len(names)
    assert devices[0]["device"]["via_device"] == devices[1]["device"]["identifiers"][0]
    assert devices[1]["device"]["via_device"] == devices[2]["device"]["identifiers"][0]
    alarm = devices[0]["components"]["alarm_roof-fall_zone-1"]
    assert alarm["name"] == "Roof fall (zone-1)"
    assert alarm["state_topic"] == "davy/v1/mine/aggregator/alarm/roof-fall:north.face:zone-1"


async def test_devices_appear_go_and_return_with_the_broker(mosquitto, tmp_path):
    async with (
        seen(mosquitto.endpoint) as (found, bus),
        running(make_settings(tmp_path, home_assistant=True), make_site(mosquitto.endpoint)) as aggregator,
    ):
        await until(lambda: len(found) == 6)
        assert set(found) == {
            f"{name}/config" for name in ("aggregator", "north", "thin", "north_face", "north_belt", "thin_cam")
        }
        await report(aggregator, {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves"})
        await until(lambda: "alarm_roof-fall" in json.loads(found["north_face/config"][-1])["components"])
        body = {"config": {"cameras": {"face": {"source": "mine://face"}}}, "why": "the belt is gone"}
        assert (await aggregator.client.put("/v1/edges/north/config", json=body)).status_code == 200
        await until(lambda: found["north_belt/config"][-1] == b"")
        count = len(found["north_face/config"])
        await bus.publish(Message("homeassistant/status", b"online"))  # Home Assistant has restarted
        await until(lambda: len(found["north_face/config"]) > count)
        count = len(found["north_face/config"])
        mosquitto.kill()
        mosquitto.start()  # it has forgotten all
        await until(lambda: len(found["north_face/config"]) > count, timeout_s=15)


async def test_home_assistant_hears_nothing_by_default(mosquitto, tmp_path):
    async with (
        seen(mosquitto.endpoint) as (found, _),
        running(make_settings(tmp_path), make_site(mosquitto.endpoint)) as aggregator,
    ):

        async def is_connected():
            found = (await aggregator.get("/readyz")).json()["dependencies"]
            return any(each["name"] == "broker" and each["ok"] for each in found)

        await until(is_connected)
        await asyncio.sleep(3 * publisher.EVERY_S)
    assert found == {}
