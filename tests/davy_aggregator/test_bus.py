import asyncio
import json
import time

import pytest
from tests.davy_aggregator.conftest import PICTURE, RAW, make_settings, make_site, running, until, with_rules

from davy.adapters.mqtt.bus import connect
from davy.domain.camera import CameraAddress
from davy.domain.errors import InvalidInputError, UnreadableImageError
from davy.domain.ports import Message
from davy.domain.topics import OFFLINE, ONLINE, CameraTopics, EdgeTopics
from davy.v1 import ingest_pb2
from davy_aggregator.bus import read_frame

THIN = CameraTopics(CameraAddress("mine", "thin", "cam"))
NORTH = EdgeTopics("mine", "north")


def properties(seq):
    return {
        "seq": str(seq),
        "captured_ns": str(time.time_ns()),
        "boot_id": "b1",
        "width": "320",
        "height": "180",
        "model": "ispcnn-test",
    }


def message(topic, payload=PICTURE, **changes):
    return Message(topic, payload, content_type="image/jpeg", expiry_s=2, properties=properties(1) | changes)


async def connected(bus):
    await until(lambda: bus.connected, 10)


async def test_a_thin_cameras_raw_and_enhanced_frames_meet_by_seq(mosquitto, tmp_path):
    async with (
        running(make_settings(tmp_path), make_site(mosquitto.endpoint)) as aggregator,
        connect(mosquitto.endpoint, "pool") as bus,
    ):
        await connected(bus)

        async def is_ready():
            names = {each["name"]: each["ok"] for each in (await aggregator.get("/readyz")).json()["dependencies"]}
            return names.get("broker")

        await until(is_ready, 10)
        await bus.publish(message(THIN.raw, RAW))

        async def says_why():
            return "no enhancer" in (await aggregator.get("/v1/cameras/thin.cam")).json()["reason"]

        await until(says_why)
        await bus.publish(message(THIN.frame, b"not a picture"))
        await bus.publish(message(THIN.frame))

        async def arrived():
            return (await aggregator.get("/v1/cameras/thin.cam")).json()["seq"] == 1

        await until(arrived)
        raw = await aggregator.get("/v1/cameras/thin.cam/latest.jpg?variant=raw")
        assert raw.content == RAW


async def test_edges_and_cameras_speak_for_themselves(mosquitto, tmp_path):
    site = with_rules(make_site(mosquitto.endpoint), {"edge-offline": {"on_delay_s": 0.2}})
    async with (
        running(make_settings(tmp_path), site) as aggregator,
        connect(mosquitto.endpoint, "north") as bus,
    ):
        await connected(bus)
        messages = bus.subscribe(["davy/v1/mine/aggregator/#"], qos=1)
        stats = {"cameras": {"face": {"captured": 120, "enhanced": 115, "dropped": {"superseded": 4, "too_old": 1}}}}
        status = {"state": "error", "reason": "no route to host"}
        for topic, payload in (
            (NORTH.status, ONLINE),
            (NORTH.info, json.dumps({"boot_id": "b1"}).encode()),
            (NORTH.stats, json.dumps(stats).encode()),
            (NORTH.camera("face").status, json.dumps(status).encode()),
            (NORTH.info, b"{ broken"),
        ):
            await bus.publish(Message(topic, payload, qos=1, retain=True))

        async def camera():
            found = (await aggregator.get("/v1/cameras/north.face")).json()
            return found if found["state"] == "offline" and found["drops"]["dropped"] else None

        found = await until(camera)
        assert (found["reason"], found["drops"]) == ("no route to host", {"captured": 120, "enhanced": 115, "dropped": 5})
        await bus.publish(Message(NORTH.status, OFFLINE, qos=1, retain=True))
        async with asyncio.timeout(5):
            async for each in messages:
                if each.topic.endswith("/event"):
                    break
        event = ingest_pb2.Event.FromString(each.payload)
        assert (event.edge, event.kind, event.severity) == ("aggregator", "edge-offline", ingest_pb2.SEVERITY_ALARM)
        edges = {edge["edge"]: edge["status"] for edge in (await aggregator.get("/v1/edges")).json()["edges"]}
        assert edges == {"north": "offline", "thin": "unknown"}


async def test_f01_it_receives_again_after_the_broker_was_killed(mosquitto, tmp_path):
    async with (
        running(make_settings(tmp_path), make_site(mosquitto.endpoint)) as aggregator,
        connect(mosquitto.endpoint, "pool") as bus,
    ):
        await connected(bus)
        mosquitto.kill()
        await until(lambda: not bus.connected)

        async def broker():
            answer = (await aggregator.get("/readyz")).json()
            return next((each for each in answer["dependencies"] if each["name"] == "broker"), None)

        await until(lambda: _is(broker, False))
        mosquitto.start()
        await until(lambda: bus.connected, 10)

        async def arrived():
            if bus.connected:
                await bus.publish(message(THIN.frame, seq=str(time.time_ns())))
            return (await aggregator.get("/v1/cameras/thin.cam")).json()["state"] == "live"

        await until(arrived, 10)
        await until(lambda: _is(broker, True))


async def _is(broker, ok):
    found = await broker()
    return found and found["ok"] is ok


@pytest.mark.parametrize("changes", [{"seq": "x"}, {"width": ""}, {"boot_id": "b1", "captured_ns": "1e9"}])
def test_a_frame_with_wrong_properties_is_refused(changes):
    with pytest.raises(InvalidInputError, match="user properties"):
        read_frame(message(THIN.frame, **changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"captured_ns": str(10**30)}, "captured_ns is"),
        ({"captured_ns": "-5"}, "captured_ns is"),
        ({"seq": str(2**70)}, "seq is"),
        ({"width": "100000000"}, "pixels"),
        ({"model": "m" * 2000}, "model"),
    ],
)
def test_a_frame_with_figures_that_cannot_be_is_refused(changes, text):
    with pytest.raises(InvalidInputError, match=text):
        read_frame(message(THIN.frame, **changes))


def test_a_frame_that_is_no_jpeg_is_refused():
    with pytest.raises(UnreadableImageError):
        read_frame(message(THIN.frame, b"GIF89a"))
