import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from tests.fixtures.edges import ear, until
from tests.fixtures.ingest_server import Ingest, ingest_server

from davy.adapters import mqtt
from davy.adapters.grpc import ingest_client
from davy.adapters.storage.spool import Spool
from davy.domain.severity import Severity
from davy.domain.topics import EdgeTopics
from davy.v1 import ingest_pb2
from davy_edge.transport.events import Events

TOPICS = EdgeTopics("demo", "north")


@asynccontextmanager
async def recording(path, boot_id="boot-1", max_bytes=16_000_000, endpoint="grpc://127.0.0.1:9", broker="mqtt://127.0.0.1:9"):
    spool = Spool(path / "spool.db", boot_id, max_bytes)
    events = Events(TOPICS, spool)
    async with ingest_client.connect(endpoint) as client, mqtt.connect(broker, "edge") as bus:
        works = [asyncio.create_task(work) for work in (events.keep(), events.publish(bus), events.report(client))]
        try:
            yield events, spool
        finally:
            for work in works:
                work.cancel()
            await asyncio.wait(works)
            spool.close()


async def test_an_event_is_on_disk_then_reported_and_forgotten(tmp_path):
    async with ingest_server(Ingest()) as server, recording(tmp_path, endpoint=server.endpoint) as (events, spool):
        events.record_event("motion", "somebody walks", Severity.ALARM, "face", {"area": 0.5}, b"\xff\xd8")
        await until(lambda: server.events and spool.waiting == 0)
    event = server.events[0]
    assert (event.site, event.edge, event.camera, event.kind, event.severity) == (
        "demo",
        "north",
        "face",
        "motion",
        Severity.ALARM,
    )
    assert (event.boot_id, event.seq, event.figures["area"], event.keyframe_jpeg) == ("boot-1", 1, 0.5, b"\xff\xd8")


async def test_f04_events_survive_the_aggregator_s_absence_and_the_edge_s_restart(tmp_path):
    async with recording(tmp_path, "boot-1") as (events, spool):
        for number in range(100):
            events.record_event("motion", str(number))
        await until(lambda: spool.waiting == 100)
    async with ingest_server(Ingest()) as server, recording(tmp_path, "boot-2", endpoint=server.endpoint) as (events, spool):
        events.record_event("motion", "after")
        await until(lambda: spool.waiting == 0)
    named = [(event.boot_id, event.seq) for event in server.events]
    assert named == [*(("boot-1", seq) for seq in range(1, 101)), ("boot-2", 1)]


async def test_unacknowledged_events_are_sent_again(tmp_path):
    deaf = Ingest(answers=False)
    async with recording_to(tmp_path, deaf) as (events, spool, port):
        events.record_event("motion", "first")
        await until(lambda: deaf.events)
        assert spool.waiting == 1
        await deaf.stop()
        hearing = Ingest()
        async with ingest_server(hearing, port):
            await until(lambda: spool.waiting == 0)
        assert [event.seq for event in hearing.events] == [1]


@asynccontextmanager
async def recording_to(path, server):
    context = ingest_server(server)
    await context.__aenter__()
    server.stop = lambda: context.__aexit__(None, None, None)
    async with recording(path, endpoint=server.endpoint) as (events, spool):
        yield events, spool, server.port


async def test_events_are_published_as_protobuf_and_as_json(tmp_path, mosquitto):
    async with ear(mosquitto.endpoint) as messages, recording(tmp_path, broker=mosquitto.endpoint) as (events, _):
        events.record_event("motion", "somebody walks", camera="face")
        await until(lambda: len(messages) == 2)
    protobuf, text = sorted(messages, key=lambda message: message.topic)
    assert (protobuf.topic, text.topic) == ("davy/v1/demo/north/event", "davy/v1/demo/north/event/json")
    assert ingest_pb2.Event.FromString(protobuf.payload).kind == "motion"
    found = json.loads(text.payload)
    assert (found["kind"], found["camera"], found["severity"], found["has_keyframe"]) == ("motion", "north.face", "info", False)


@pytest.mark.filterwarnings("error")
async def test_p6_a_full_spool_is_reported_over_mqtt_and_the_edge_continues(tmp_path, mosquitto):
    async with (
        ear(mosquitto.endpoint) as messages,
        recording(tmp_path, max_bytes=2**20, broker=mosquitto.endpoint) as (events, spool),
    ):
        for _ in range(400):
            events.record_event("motion", "x" * 4000)
            if len(events._unwritten) > 200:
                await until(lambda: len(events._unwritten) < 10)
        await until(lambda: any(b'"kind":"spool-full"' in message.payload for message in messages))
        assert spool.events_dropped > 0
