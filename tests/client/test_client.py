"""The client for programs, against real services."""

import asyncio
import socket
from contextlib import aclosing, asynccontextmanager

import pytest
from tests.davy_aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, push, running, until
from tests.davy_aggregator.rest.test_events import report
from tests.davy_aggregator.test_identity import secure_aggregator
from tests.davy_enhancer.conftest import running as running_enhancer
from tests.security.closed import closed_mine

from davy.adapters.grpc.channels import open_channel
from davy.client import Alarm, AlarmChange, Camera, Client, Event
from davy.domain.errors import (
    ConfigError,
    ConflictError,
    IdentityRefusedError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from davy.v1 import ingest_pb2, ingest_pb2_grpc

pytestmark = pytest.mark.system

BLOCKED = {"kind": "lens-blocked", "severity": 3, "camera": "face", "message": "dark"}
SPOOL_FULL = {"kind": "spool-full", "severity": 3, "message": "the disk is full"}
PERSON = {"kind": "person", "severity": 1, "camera": "belt", "keyframe_jpeg": PICTURE}


@pytest.fixture
async def aggregator(tmp_path):
    async with running(make_settings(tmp_path), make_site()) as found:
        yield found


@pytest.fixture
async def davy(aggregator):
    async with Client(aggregator.http, token="") as client:
        yield client


@asynccontextmanager
async def pushing(aggregator):
    """Frames of north.face, again and again."""

    async def run():
        for seq in range(1, 1000):
            await push(aggregator, envelope(seq))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()


async def take(iterator, count):
    found = []
    async with asyncio.timeout(20), aclosing(iterator):
        async for each in iterator:
            found.append(each)
            if len(found) == count:
                break
    return found


async def test_cameras_are_values(aggregator, davy):
    await push(aggregator, envelope(7))
    face = next(camera for camera in await davy.cameras.all() if camera.id == "north.face")
    assert (face.state, face.label, face.seq, face.captured_at.tzinfo is not None) == ("live", "Coal face", 7, True)
    assert (await davy.cameras.get("north.belt")).captured_at is None


async def test_the_latest_frame_has_its_facts(aggregator, davy):
    sent = envelope(7)
    await push(aggregator, sent)
    frame, raw = await davy.cameras.latest("north.face"), await davy.cameras.latest("north.face", "raw")
    assert (frame.jpeg, frame.seq, frame.model) == (PICTURE, 7, "ispcnn-test")
    assert frame.captured_ns == sent.meta.captured_ns
    assert frame.age_ms < 2000
    assert frame.decode().shape == (180, 320, 3)
    assert (raw.jpeg, raw.variant) == (RAW, "raw")


async def test_frames_come_in_order_with_their_facts(aggregator, davy):
    async with pushing(aggregator):
        frames = await take(davy.cameras.frames("north.face"), 5)
    assert [frame.seq for frame in frames] == sorted({frame.seq for frame in frames})
    assert {(frame.jpeg, frame.model) for frame in frames} == {(PICTURE, "ispcnn-test")}


async def test_events_are_found_over_pages(aggregator, davy, monkeypatch):
    monkeypatch.setattr("davy.client.events.PAGE", 2)
    await report(aggregator, *[PERSON] * 4, BLOCKED)
    found = await davy.events.search(limit=4, exclude=["lens-blocked"])
    assert [event.seq for event in found if event.edge == "north"] == [4, 3, 2, 1]
    assert await davy.events.keyframe(found[-1].id) == PICTURE
    (alarm,) = await davy.events.search(camera="north.face", severity="alarm")
    assert (alarm.kind, alarm.severity, alarm.keyframe) == ("lens-blocked", "alarm", None)


async def test_nothing_ends_while_the_aggregator_restarts_and_no_event_is_left_out(tmp_path, free_port):
    settings, seen = make_settings(tmp_path, port=free_port), []
    async with (
        Client(f"http://127.0.0.1:{free_port}", token="") as davy,
        aclosing(davy.events.follow(after=0)) as events,
        aclosing(davy.cameras.frames("north.face")) as frames,
    ):
        for total in (2, 4):
            async with running(settings, make_site()) as aggregator, pushing(aggregator), asyncio.timeout(20):
                assert (await anext(frames)).jpeg == PICTURE
                await report(aggregator, *[PERSON] * total)  # those of the first turn are known
                while len(seen) < total:
                    event = await anext(events)
                    seen += [event.seq] if event.edge == "north" else []
    assert seen == [1, 2, 3, 4]


async def test_alarms_are_answered_and_followed(aggregator, davy):
    async with aclosing(davy.alarms.follow()) as updates, asyncio.timeout(20):
        assert (await anext(updates)).all
        await report(aggregator, SPOOL_FULL)
        changed = [alarm.id for alarm in (await anext(updates)).alarms]
        assert changed == ["spool-full:north"]
    (alarm,) = [each for each in await davy.alarms.all(state=["unacknowledged"]) if each.kind == "spool-full"]
    with pytest.raises(ConflictError, match="raise"):
        await davy.alarms.acknowledge(alarm.id, occurrence=alarm.occurrence + 1)
    hidden = await davy.alarms.shelve(alarm.id, "the disk is changed", 600)
    assert (hidden.state, hidden.shelved.words) == ("shelved", "the disk is changed")
    assert (await davy.alarms.unshelve(alarm.id)).shelved is None
    await report(aggregator, SPOOL_FULL, {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves"})
    await until(lambda: _has(davy, "roof-fall:north.face"))
    answered = await davy.alarms.acknowledge("roof-fall:north.face", "Bob looks")
    assert answered.acknowledged.words == "Bob looks"
    changes = await davy.alarms.history("roof-fall:north.face")
    assert [change.transition for change in changes][-2:] == ["acknowledged", "raised"]


async def test_an_image_is_enhanced(tmp_path):
    async with (
        running_enhancer(tmp_path) as service,
        Client("http://127.0.0.1:9", f"http://127.0.0.1:{service.addresses.http_port}", token="") as davy,
    ):
        enhanced = await davy.enhance(RAW, strength=1.0, accept="image/png")
        with pytest.raises(InvalidInputError, match="cannot be read"):
            await davy.enhance(b"\xff\xd8\xff broken")
    assert (enhanced.media_type, enhanced.data[:4]) == ("image/png", b"\x89PNG")
    assert enhanced.model


async def test_refusals_have_the_words_of_the_service(tmp_path):
    async with closed_mine(tmp_path) as mine:
        url = mine.aggregator.http
        async with Client(url, token=mine.tokens["viewer"]) as viewer, Client(url, token="") as nobody:
            with pytest.raises(NotFoundError, match=r"known cameras: north\.face"):
                await viewer.cameras.get("north.nope")
            with pytest.raises(NotFoundError):
                await anext(viewer.cameras.frames("north.nope"))
            with pytest.raises(UnavailableError, match="no enhanced frame yet"):
                await viewer.cameras.latest("north.face")
            with pytest.raises(PermissionDeniedError, match="viewer"):
                await viewer.alarms.acknowledge("spool-full:north")
            for call in (nobody.cameras.all(), anext(nobody.events.follow()), anext(nobody.cameras.frames("north.face"))):
                with pytest.raises(IdentityRefusedError, match="identity"):
                    await call
            with pytest.raises(PermissionDeniedError):  # a WebSocket is refused without a text
                await anext(nobody.alarms.follow())
            with pytest.raises(ConfigError, match="enhancer"):
                await viewer.enhance(RAW)


async def test_a_certificate_is_an_identity(tmp_path):
    async with secure_aggregator(tmp_path, access="closed") as aggregator:
        aggregator.identities.write("edge/north")
        folder = aggregator.identities.path("edge/north")
        async with (
            Client(aggregator.https, identity=folder, token="") as known,
            Client(aggregator.https, ca=folder / "ca.pem", token="") as unknown,
            Client(aggregator.https, token="") as careful,
        ):
            with pytest.raises(PermissionDeniedError, match=r"^'north' \(edge\) may not POST"):
                await known.alarms.acknowledge("spool-full:north")
            with pytest.raises(IdentityRefusedError):
                await unknown.cameras.all()
            with pytest.raises(UnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
                await careful.cameras.all()


async def test_every_stream_runs_over_tls(tmp_path):
    async with secure_aggregator(tmp_path) as aggregator:
        aggregator.identities.write("edge/north")
        ca = aggregator.identities.path("edge/north") / "ca.pem"
        async with Client(aggregator.https, ca=ca, token="") as davy, asyncio.timeout(20):
            async with open_channel(aggregator.grpcs, aggregator.identities.tls("edge/north")) as channel:
                ingest = ingest_pb2_grpc.IngestServiceStub(channel)
                frames, events = ingest.PushFrames(), ingest.ReportEvents()
                await frames.write(ingest_pb2.PushFramesRequest(frame=envelope(1)))
                event = ingest_pb2.Event(site="mine", edge="north", boot_id="b1", seq=1, occurred_ns=1, kind="person")
                await events.write(ingest_pb2.ReportEventsRequest(event=event))
                assert (await events.read()).seq == 1
                (frame,) = await take(davy.cameras.frames("north.face"), 1)
            (update,) = await take(davy.alarms.follow(), 1)
            (event,) = await take(davy.events.follow(after=0), 1)
    assert (frame.jpeg, update.all, event.site) == (PICTURE, True, "mine")


@pytest.mark.parametrize("url", ["mqtt://127.0.0.1", "http://ada:secret@127.0.0.1:8080", "127.0.0.1:8080"])
def test_an_address_that_is_none_is_refused_without_its_password(url):
    with pytest.raises(ConfigError) as refused:
        Client(url)
    assert "secret" not in str(refused.value)


async def test_a_service_that_is_none_of_ours_is_unavailable(free_port):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", free_port), Client(f"http://127.0.0.1:{free_port}") as davy:
        with pytest.raises(UnavailableError, match="something else"):
            await davy.cameras.all()


async def test_nobody_at_the_address_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with Client(f"http://127.0.0.1:{port}") as davy:
        with pytest.raises(UnavailableError, match=f"no aggregator at http://127.0.0.1:{port}"):
            await davy.cameras.all()


async def test_every_field_of_a_message_is_one_of_the_service(aggregator):
    schemas = (await aggregator.get("/openapi.json")).json()["components"]["schemas"]
    for kind, name in ((Camera, "Camera"), (Event, "Event"), (Alarm, "AlarmView"), (AlarmChange, "AlarmChangeView")):
        assert set(kind.model_fields) <= set(schemas[name]["properties"])


async def test_the_first_update_has_every_alarm(aggregator, davy):
    await report(aggregator, SPOOL_FULL)
    await until(lambda: _has(davy, "spool-full:north"))
    (first,) = await take(davy.alarms.follow(), 1)
    assert first.all
    assert "spool-full:north" in [alarm.id for alarm in first.alarms]


async def _has(davy, alarm):
    return alarm in [each.id for each in await davy.alarms.all()]
