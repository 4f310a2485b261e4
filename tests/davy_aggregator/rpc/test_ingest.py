import asyncio
import random
import time

import grpc
import psutil
import pytest
from tests.davy_aggregator.conftest import PICTURE, envelope, make_settings, make_site, push, running, until

from davy.v1 import ingest_pb2
from davy.v1.ingest_pb2 import PushFramesRequest

pytestmark = pytest.mark.system


def report(seq, **changes):
    base = {"site": "mine", "edge": "north", "boot_id": "b1", "seq": seq, "camera": "face", "kind": "camera-offline"}
    event = ingest_pb2.Event(**base | {"occurred_ns": time.time_ns(), "severity": 2, "message": "gone"} | changes)
    return ingest_pb2.ReportEventsRequest(event=event)


async def test_the_window_comes_first_then_a_credit_for_every_frame(aggregator):
    window, *answers = await push(aggregator, envelope(1), envelope(2), envelope(1, "north/belt"))
    assert window.window == 4
    assert [(credit.camera, credit.seq) for credit in answers] == [("face", 1), ("face", 2), ("belt", 1)]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"camera": "north/nowhere"}, grpc.StatusCode.NOT_FOUND, "known cameras: north.face, north.belt, thin.cam"),
        (
            {"site": "other"},
            grpc.StatusCode.NOT_FOUND,
            "this aggregator serves site 'mine', and the frames are of site 'other'",
        ),
        ({"edge": "../etc"}, grpc.StatusCode.INVALID_ARGUMENT, "is not legal"),
        ({"seq": 0}, grpc.StatusCode.INVALID_ARGUMENT, "seq is 1 to"),
        ({"jpeg": b"GIF89a"}, grpc.StatusCode.INVALID_ARGUMENT, "no JPEG"),
        ({"jpeg": PICTURE + bytes(900_000)}, grpc.StatusCode.RESOURCE_EXHAUSTED, "over the limit"),
        ({"jpeg": PICTURE + bytes(5_000_000)}, grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
    ],
)
async def test_a_bad_frame_ends_its_own_stream_with_a_reason(aggregator, changes, code, text):
    call = aggregator.ingest.PushFrames(iter([PushFramesRequest(frame=envelope(**{"seq": 1} | changes))]))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    assert caught.value.code() is code
    assert text in caught.value.details()
    assert len(await push(aggregator, envelope(1))) == 2


async def test_events_are_acknowledged_once_stored_and_stored_once(aggregator):
    for _ in range(2):  # the second time is a client that lost the answer
        acks = [ack async for ack in aggregator.ingest.ReportEvents(iter([report(1), report(2), report(3)]))]
        assert acks[-1] == ingest_pb2.ReportEventsResponse(boot_id="b1", seq=3)
    found = (await aggregator.get("/v1/events")).json()["events"]
    assert [each["seq"] for each in found] == [3, 2, 1]
    assert found[0]["camera"] == "north.face"


async def test_a_thousand_events_take_few_commits(aggregator):
    started = time.monotonic()
    acks = [ack async for ack in aggregator.ingest.ReportEvents(iter([report(seq) for seq in range(1, 1001)]))]
    assert acks[-1].seq == 1000
    assert len(acks) < 500
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"edge": "nroth"}, grpc.StatusCode.NOT_FOUND, "did you mean 'north'?"),
        ({"edge": "aggregator"}, grpc.StatusCode.INVALID_ARGUMENT, "the aggregator's own name"),
        ({"site": "other"}, grpc.StatusCode.NOT_FOUND, "the events are of site 'other'"),
        ({"kind": "Ü"}, grpc.StatusCode.INVALID_ARGUMENT, "event kind"),
        ({"seq": 0}, grpc.StatusCode.INVALID_ARGUMENT, "seq is 1"),
    ],
)
async def test_a_bad_event_is_refused_and_nothing_of_it_stored(aggregator, changes, code, text):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in aggregator.ingest.ReportEvents(iter([report(**{"seq": 1} | changes)])):
            pass
    assert caught.value.code() is code
    assert text in caught.value.details()
    assert (await aggregator.get("/v1/events")).json()["events"] == []


@pytest.mark.parametrize("camera", ["mine/north/face", "north/face", "north.face"])
async def test_a_subscriber_gets_frames_as_they_come(aggregator, camera):
    call = aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest(cameras=[camera], include_raw=True))
    await push(aggregator, envelope(1, "north/belt"), envelope(1))
    async with asyncio.timeout(2):
        received = (await call.read()).frame
    assert (received.meta.camera, received.meta.seq, received.jpeg) == ("face", 1, PICTURE)
    assert received.raw_jpeg
    call.cancel()


async def test_a_subscriber_that_wants_no_raw_gets_none(aggregator):
    call = aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest())
    reading = asyncio.ensure_future(call.read())
    for seq in range(1, 100):  # a frame that is too old when a busy machine subscribes is not sent
        await push(aggregator, envelope(seq))
        if (await asyncio.wait({reading}, timeout=0.2))[0]:
            break
    assert not (await reading).frame.raw_jpeg
    call.cancel()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"cameras": ["nobody/x"]}, grpc.StatusCode.NOT_FOUND),
        ({"cameras": ["x"]}, grpc.StatusCode.INVALID_ARGUMENT),
        ({"max_fps": -1}, grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_wrong_subscription_is_refused(aggregator, fields, code):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest(**fields)).read()
    assert caught.value.code() is code


async def test_subscribers_are_bounded(tmp_path):
    async with running(make_settings(tmp_path, max_streams=2), make_site()) as aggregator:
        await push(aggregator, envelope(1))
        calls = [aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest()) for _ in range(2)]
        for call in calls:
            await call.read()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest()).read()
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        for call in calls:
            call.cancel()


async def test_f10_a_slow_subscriber_costs_bounded_memory_and_no_other_frames(aggregator):
    """One reads nothing while 120 MB are pushed; another gets every frame it can; the server's memory stays."""
    slow = aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest(include_raw=True))
    await push(aggregator, envelope(1))
    assert (await slow.read()).frame.meta.seq == 1
    other = grpc.aio.insecure_channel(f"127.0.0.1:{aggregator.grpc_port}")
    quick = type(aggregator)(aggregator.http, other, aggregator.client, aggregator.registry, 0).frames.SubscribeFrames(
        ingest_pb2.SubscribeFramesRequest()
    )
    before = psutil.Process().memory_info().rss
    received, big = [], PICTURE + bytes(400_000)

    async def read_quickly():
        async for each in quick:
            received.append(each.frame.meta.seq)  # noqa: PERF401  # read while it grows

    reader = asyncio.create_task(read_quickly())
    call = aggregator.ingest.PushFrames()
    await call.read()
    for seq in range(2, 152):
        await call.write(PushFramesRequest(frame=envelope(seq, jpeg=big, raw_jpeg=big)))
        await call.read()
    await until(lambda: received and received[-1] == 151)
    assert len(received) > 100
    assert received == sorted(received)
    assert psutil.Process().memory_info().rss - before < 64_000_000  # client and server, both in this process
    dropped = aggregator.registry.get_sample_value(
        "davy_aggregator_frames_dropped_total",
        {"stage": "subscribe", "reason": "superseded"},
    )
    assert dropped > 50
    for each in (slow, quick, call, reader):
        each.cancel()
    await other.close()


async def test_f17_mutants_of_a_frame_never_end_the_server(aggregator):
    chance = random.Random(17)
    good = PushFramesRequest(frame=envelope(1, jpeg=PICTURE[:300])).SerializeToString()
    push_bytes = aggregator.channel.stream_stream("/davy.v1.IngestService/PushFrames")
    codes = set()
    for _ in range(100):
        mutant = bytearray(good)
        for _ in range(chance.randint(1, 8)):
            mutant[chance.randrange(len(mutant) // 2)] = chance.randrange(256)
        try:
            async with asyncio.timeout(1):
                async for _ in push_bytes(iter([bytes(mutant)])):
                    pass
        except grpc.aio.AioRpcError as error:
            codes.add(error.code())
    assert codes <= {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.RESOURCE_EXHAUSTED}
    assert (await push(aggregator, envelope(2**62)))[-1].seq == 2**62
