"""C1: one MQTT message ended the aggregator, and everything that ran in its process."""

import time

import pytest
from tests.davy_aggregator.conftest import PICTURE, make_settings, make_site, running, until
from tests.security.conftest import is_ready, still_works

from davy.adapters.mqtt.bus import connect
from davy.domain.ports import Message

CAM = "davy/v1/mine/thin/cam"


def properties(**changes: str) -> dict[str, str]:
    return {"seq": "1", "captured_ns": str(time.time_ns()), "boot_id": "b1", "width": "320", "height": "180"} | changes


HOSTILE = {
    "a topic with an illegal id": Message(f"{CAM}/A/frame", b"x"),
    "a raw topic with an illegal id": Message(f"{CAM}/A/raw", b"x"),
    "no properties": Message(f"{CAM}/cam/frame", PICTURE),
    "captured_ns 10^400": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(captured_ns=str(10**400))),
    "captured_ns 10^30": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(captured_ns=str(10**30))),
    "captured_ns 0": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(captured_ns="0")),
    "captured_ns of 5,000 digits": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(captured_ns="9" * 5000)),
    "seq 2^64": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(seq=str(2**64))),
    "a negative size": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(width="-1", height="-1")),
    "strength nan": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(strength="nan")),
    "a boot id with a space": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(boot_id=" b")),
    "a model id that no header can carry": Message(f"{CAM}/cam/frame", PICTURE, properties=properties(model=" \u2713")),
    "stats that are deep": Message("davy/v1/mine/north/stats", b'{"a":' * 900 + b"1" + b"}" * 900, 1),
    "info with a lone surrogate": Message("davy/v1/mine/north/info", b'{"boot_id": "\\ud800"}', 1, retain=True),
    "a status of another edge's name": Message("davy/v1/mine/NORTH/status", b"online", 1),
    "a report of an illegal edge": Message("davy/v1/mine/NO RTH/reported/config", b"{}", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_c1_no_message_ends_the_aggregator(mosquitto, tmp_path, name):
    async with (
        running(make_settings(tmp_path), make_site(mosquitto.endpoint)) as aggregator,
        connect(mosquitto.endpoint, "attacker") as bus,
    ):
        await until(lambda: bus.connected, 10)
        await until(lambda: is_ready(aggregator, "broker"), 10)
        await bus.publish(HOSTILE[name])
        await still_works(aggregator, bus)
