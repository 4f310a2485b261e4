"""A pool member between a real broker's topics."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from davy.adapters import mqtt
from davy.adapters.media import jpeg
from davy.domain.camera import CameraAddress
from davy.domain.ports import Bus, Message
from davy.domain.topics import CameraTopics
from davy.site import SiteConfig

pytestmark = pytest.mark.system  # a real broker

JUNCTION = CameraTopics(CameraAddress("demo", "west", "junction"))
LABELS = {"edge": "west", "camera": "junction"}


def site_of(endpoint: str, **camera: object) -> SiteConfig:
    junction = {"source": "mine://junction", **camera}
    return SiteConfig.model_validate(
        {"site": "demo", "broker": endpoint, "edges": {"west": {"enhance": "pool", "cameras": {"junction": junction}}}}
    )


def raw_message(payload: bytes, seq: int = 1, topics: CameraTopics = JUNCTION, captured_ns: int | None = None) -> Message:
    facts = {"seq": seq, "captured_ns": captured_ns or time.time_ns(), "boot_id": "boot", "width": 320, "height": 240}
    properties = {name: str(value) for name, value in facts.items()} | {"traceparent": "00-aa-bb-01"}
    return Message(topics.raw, payload, content_type="image/jpeg", expiry_s=2, properties=properties)


@asynccontextmanager
async def client(endpoint: str) -> AsyncIterator[Bus]:
    async with mqtt.connect(endpoint, "test-client") as bus:
        await until(lambda: bus.connected)
        yield bus


async def until(condition, timeout_s: float = 5) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # the condition is another task's, without an event
            await asyncio.sleep(0.01)


async def ready_is(service, status: str, timeout_s: float = 5) -> dict[str, object]:
    async with asyncio.timeout(timeout_s):
        while (answer := (await service.http.get("/readyz")).json())["status"] != status:  # noqa: ASYNC110  # asked over HTTP
            await asyncio.sleep(0.02)
    return answer


async def pool_is_up(service) -> None:
    await ready_is(service, "ready")
    await asyncio.sleep(0.2)  # the subscription follows the connection


async def test_a_raw_frame_becomes_an_enhanced_one_with_meta(mosquitto, start_service, dark_jpeg: bytes):
    async with start_service(site_of(mosquitto.endpoint)) as service, client(mosquitto.endpoint) as bus:
        await pool_is_up(service)
        received = bus.subscribe([JUNCTION.frame, JUNCTION.meta])
        await asyncio.sleep(0.2)
        sent = raw_message(dark_jpeg, seq=7)
        await bus.publish(sent)
        async with asyncio.timeout(5):
            frame, meta = [await anext(received), await anext(received)]
        assert (frame.topic, frame.content_type, frame.expiry_s) == (JUNCTION.frame, "image/jpeg", 2)
        assert jpeg.decode(frame.payload).mean() > jpeg.decode(dark_jpeg).mean() + 10
        assert dict(frame.properties) | {"model": ""} == dict(sent.properties) | {"model": "", "variant": "enhanced"}
        assert frame.properties["model"].startswith("ispcnn-")
        answer = json.loads(meta.payload)
        assert (meta.topic, answer["seq"], answer["boot_id"], answer["strength"]) == (JUNCTION.meta, 7, "boot", 1.0)
        assert answer["enhanced_ns"] >= answer["captured_ns"]
        assert service.count("davy_frames_enhanced_total", **LABELS) == 1


async def test_newest_wins_and_the_counters_add_up(mosquitto, start_service, dark_jpeg: bytes):
    async with start_service(site_of(mosquitto.endpoint)) as service, client(mosquitto.endpoint) as bus:
        await pool_is_up(service)
        received = bus.subscribe([JUNCTION.frame], depth=1000)
        await asyncio.sleep(0.2)
        big = jpeg.encode(jpeg.decode(dark_jpeg).repeat(4, axis=0).repeat(4, axis=1))
        for seq in range(1, 101):
            await bus.publish(raw_message(big, seq))
        seqs = [0]
        async with asyncio.timeout(10):
            while seqs[-1] != 100:
                seqs.append(int((await anext(received)).properties["seq"]))
        assert seqs == sorted(seqs)
        await until(lambda: service.count("davy_frames_in_flight", **LABELS) == 0)
        captured, enhanced = (service.count(f"davy_frames_{kind}_total", **LABELS) for kind in ("captured", "enhanced"))
        superseded = service.count("davy_frames_dropped_total", **LABELS, stage="enhance", reason="superseded")
        assert (captured, enhanced + superseded) == (100, 100)
        assert superseded > 0


async def test_a_frame_older_than_its_camera_allows_is_dropped_and_counted(mosquitto, start_service, dark_jpeg: bytes):
    async with start_service(site_of(mosquitto.endpoint)) as service, client(mosquitto.endpoint) as bus:
        await pool_is_up(service)
        now = time.time_ns()
        hour = 3600 * 10**9  # the edge's clock is an hour behind, which makes no frame old
        await bus.publish(raw_message(dark_jpeg, 1, captured_ns=now - hour))
        await until(lambda: service.count("davy_frames_enhanced_total", **LABELS) == 1)
        await bus.publish(raw_message(dark_jpeg, 2, captured_ns=now - hour - 10**9))
        await until(lambda: service.count("davy_frames_dropped_total", **LABELS, stage="enhance", reason="too_old") == 1)


async def test_f14_damaged_frames_and_foreign_messages_end_nothing(mosquitto, start_service, dark_jpeg: bytes):
    async with start_service(site_of(mosquitto.endpoint)) as service, client(mosquitto.endpoint) as bus:
        await pool_is_up(service)
        for seq, payload in enumerate([b"", b"hello", dark_jpeg[:-300], bytes(100_000)], start=1):
            await bus.publish(raw_message(payload, seq))
            await until(
                lambda seq=seq: service.count("davy_frames_dropped_total", **LABELS, stage="enhance", reason="error") == seq
            )
        await bus.publish(Message("davy/v1/demo/west/cam/JUNCTION!/raw", dark_jpeg))
        await bus.publish(Message(JUNCTION.raw, dark_jpeg, properties={"seq": "many"}))
        await bus.publish(Message(JUNCTION.raw, dark_jpeg))  # a foreign publisher that says nothing else
        await until(lambda: service.count("davy_frames_enhanced_total", **LABELS) == 1)


async def test_invented_cameras_cannot_fill_the_memory(mosquitto, start_service, dark_jpeg: bytes):
    async with start_service(site_of(mosquitto.endpoint), pool_cameras=4) as service, client(mosquitto.endpoint) as bus:
        await pool_is_up(service)
        for number in range(40):
            await bus.publish(raw_message(dark_jpeg, topics=CameraTopics(CameraAddress("demo", "west", f"c{number}"))))
        await until(lambda: service.count("davy_frames_enhanced_total", edge="west", camera="c39") == 1)
        kept = [
            line
            for line in (await service.http.get("/metrics")).text.splitlines()
            if line.startswith("davy_frames_captured_total")
        ]
        assert len(kept) <= 5


async def test_two_members_share_the_work(mosquitto, start_service, dark_jpeg: bytes, tmp_path):
    site = site_of(mosquitto.endpoint)
    async with (
        start_service(site) as first,
        start_service(site, data=tmp_path / "second") as second,
        client(mosquitto.endpoint) as bus,
    ):
        await pool_is_up(first)
        await pool_is_up(second)
        for seq in range(10):
            await bus.publish(raw_message(dark_jpeg, seq))
            await asyncio.sleep(0.03)
        await until(lambda: sum(each.count("davy_frames_captured_total", **LABELS) for each in (first, second)) == 10)
        assert min(each.count("davy_frames_captured_total", **LABELS) for each in (first, second)) > 0


async def test_f01_without_a_broker_requests_are_served_and_readiness_has_the_reason(
    mosquitto, start_service, dark_jpeg: bytes
):
    async with start_service(site_of(mosquitto.endpoint)) as service:
        await pool_is_up(service)
        mosquitto.kill()
        answer = await ready_is(service, "degraded", 10)
        assert mosquitto.endpoint in answer["reasons"][0]
        assert (await service.http.post("/v1/enhance", content=dark_jpeg)).status_code == 200
        mosquitto.start()
        await ready_is(service, "ready", 15)
