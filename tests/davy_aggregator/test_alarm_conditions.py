"""Alarms of edges, cameras and services, with a real broker and without one."""

import pytest
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, push, running, until, with_rules

from davy.adapters.mqtt.bus import connect
from davy.domain.ports import Message
from davy.domain.topics import OFFLINE, ONLINE, EdgeTopics

pytestmark = pytest.mark.system

NORTH = EdgeTopics("mine", "north")
AT_ONCE = {
    kind: {"on_delay_s": 0, "off_delay_s": 0}
    for kind in ("edge-offline", "camera-offline", "camera-stale", "service-degraded", "drift")
}


async def states(aggregator) -> dict[str, str]:
    return {each["id"]: each["state"] for each in (await aggregator.get("/v1/alarms")).json()["alarms"]}


async def reaches(aggregator, alarm_id: str, state: str | None, timeout_s: float = 15):
    async def there() -> bool:
        return (await states(aggregator)).get(alarm_id) == state

    await until(there, timeout_s)


async def test_an_edge_that_is_offline_explains_its_cameras(mosquitto, tmp_path):
    site = with_rules(make_site(mosquitto.endpoint), AT_ONCE)
    async with (
        running(make_settings(tmp_path), site) as aggregator,
        connect(mosquitto.endpoint, "north") as bus,
    ):
        await until(lambda: bus.connected)
        await bus.publish(Message(NORTH.status, ONLINE, qos=1, retain=True))
        await push(aggregator, envelope(1))
        await reaches(aggregator, "camera-stale:north.face", "unacknowledged")
        await bus.publish(Message(NORTH.status, OFFLINE, qos=1, retain=True))
        await reaches(aggregator, "edge-offline:north", "unacknowledged")
        await reaches(aggregator, "camera-offline:north.face", "suppressed")
        await bus.publish(Message(NORTH.status, ONLINE, qos=1, retain=True))
        await reaches(aggregator, "edge-offline:north", "returned")
        kinds = [each["kind"] for each in (await aggregator.get("/v1/events")).json()["events"]]
        assert kinds.count("edge-offline") == kinds.count("edge-online") == 1


async def test_a_camera_whose_drift_its_edge_measures_is_an_alarm(mosquitto, tmp_path):
    site = with_rules(make_site(mosquitto.endpoint), AT_ONCE)
    async with (
        running(make_settings(tmp_path), site) as aggregator,
        connect(mosquitto.endpoint, "north") as bus,
    ):
        await until(lambda: bus.connected)
        for state, expected in (("drifted", "unacknowledged"), ("fits", None)):
            stats = b'{"cameras": {"face": {"drift": {"state": "%s", "score": 1.5, "model": "m"}}}}' % state.encode()
            await bus.publish(Message(NORTH.stats, stats, qos=1, retain=True))
            await reaches(aggregator, "drift:north.face", expected)


async def test_a_part_that_fails_is_an_alarm_and_its_end_is_one_too(tmp_path):
    async with running(make_settings(tmp_path), with_rules(make_site(), AT_ONCE)) as aggregator:
        await reaches(aggregator, "service-degraded:aggregator:store", "unacknowledged")
        found = (await aggregator.get("/v1/alarms/service-degraded:aggregator:store")).json()
        assert "no Redis-protocol server" in found["message"]


async def test_a_camera_that_the_site_has_no_more_has_no_alarm(tmp_path):
    async with running(make_settings(tmp_path), with_rules(make_site(), AT_ONCE)) as aggregator:
        await push(aggregator, envelope(1))
        await reaches(aggregator, "camera-stale:north.face", "unacknowledged")
        config = (await aggregator.get("/v1/edges/north/config")).json()["desired"]["config"]
        del config["cameras"]["face"]
        assert (await aggregator.client.put("/v1/edges/north/config", json={"config": config})).status_code == 200
        await reaches(aggregator, "camera-stale:north.face", None)
