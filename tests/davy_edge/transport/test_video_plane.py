"""Video from a camera of an edge through an aggregator to a subscriber, over real sockets."""

import asyncio
import time
from contextlib import asynccontextmanager

import av
import numpy as np
import pytest
from tests.davy_aggregator.conftest import make_settings, running
from tests.fixtures.edges import ear, edge, site_of, until

from davy.adapters.media import jpeg, planes
from davy.v1 import ingest_pb2

pytestmark = pytest.mark.system

PICTURES = 12


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Moving, dark pictures of 640 x 360."""
    folder = tmp_path_factory.mktemp("pictures")
    rows, columns = np.mgrid[:360, :640]
    for number in range(PICTURES):
        ground = 40 + 15 * np.sin((columns + 4 * number) / 23) * np.cos(rows / 17)
        disc = (columns - 60 - 40 * number) ** 2 + (rows - 180) ** 2 < 40**2
        grey = np.where(disc, 220, ground).astype(np.uint8)
        (folder / f"{number:02}.jpg").write_bytes(jpeg.encode(planes.from_luma(grey), 95))
    return f"file://{folder}"


def subscribe(aggregator, variant=ingest_pb2.VARIANT_ENHANCED):
    return aggregator.frames.SubscribeVideo(ingest_pb2.SubscribeVideoRequest(camera="north/face", variant=variant))


async def take(call, count: int) -> list[ingest_pb2.VideoPacket]:
    async with asyncio.timeout(15):
        found = []
        async for response in call:
            found.append(response.packet)
            if len(found) == count:
                return found
    raise AssertionError("the stream ended")


def decoded(packets) -> list[np.ndarray]:
    decoder = av.CodecContext.create("h264", "r")
    data = [av.Packet(packet.data) for packet in packets] + [None]
    return [frame.to_ndarray(format="gray") for packet in data for frame in decoder.decode(packet)]


@asynccontextmanager
async def mine(tmp_path, source, **camera):
    """An aggregator, and an edge with one camera that sends to it."""
    site = site_of(source, **camera)
    async with running(make_settings(tmp_path / "aggregator"), site) as aggregator:
        own = site_of(source, aggregator=f"grpc://127.0.0.1:{aggregator.grpc_port}", **camera)
        async with edge(own, tmp_path / "edge") as north:
            await until(lambda: north.value("davy_frames_sent_total", sink="grpc") > 3)
            yield aggregator, north


async def test_a_camera_is_encoded_while_somebody_watches(tmp_path, pictures):
    async with mine(tmp_path, pictures) as (aggregator, north):
        assert north.value("davy_video_packets_total") == 0
        call = subscribe(aggregator)
        packets = await take(call, 30)
        first = packets[0].meta.seq
        assert packets[0].key and [packet.meta.seq for packet in packets] == list(range(first, first + 30))
        assert all(packet.meta.model and packet.meta.enhanced_ns > packet.meta.captured_ns for packet in packets)
        assert time.time_ns() - packets[-1].meta.captured_ns < 2e9
        seen = decoded(packets)
        assert len(seen) == 30 and seen[0].shape == (360, 640)
        assert np.median(seen[-1]) > 45, "the picture is the enhanced one"
        call.cancel()
        await asyncio.sleep(0.5)
        encoded = north.value("davy_video_packets_total")
        await asyncio.sleep(0.5)
        assert north.value("davy_video_packets_total") == encoded, "nobody watches any more"


async def test_fifty_viewers_cost_the_edge_one_encoding(tmp_path, pictures):
    async with mine(tmp_path, pictures) as (aggregator, north):
        calls = [subscribe(aggregator) for _ in range(20)]
        streams = await asyncio.gather(*(take(call, 10) for call in calls))
        assert all(packets[0].key for packets in streams)
        highest = max(packets[-1].meta.seq for packets in streams)
        assert north.value("davy_video_packets_total") <= highest + 20
        for call in calls:
            call.cancel()


async def test_raw_video_and_raw_pictures_come_while_somebody_looks_at_them(tmp_path, pictures):
    async with mine(tmp_path, pictures) as (aggregator, north):
        await until(lambda: north.value("davy_edge_video_connected"))
        enhanced = aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest())
        frames = [(await enhanced.read()).frame async for _ in _times(8)]
        assert not frames[-1].raw_jpeg
        both = aggregator.frames.SubscribeFrames(ingest_pb2.SubscribeFramesRequest(include_raw=True))
        await until_raw(both)
        assert (await aggregator.get("/v1/cameras/north.face/latest.jpg?variant=raw")).status_code == 200
        raw = await take(subscribe(aggregator, ingest_pb2.VARIANT_RAW), 5)
        assert raw[0].key and not raw[0].meta.model and np.median(decoded(raw)[-1]) < 45
        assert north.value("davy_video_packets_total", variant="enhanced") == 0


async def test_while_video_flows_pictures_come_at_the_rate_that_somebody_wants(tmp_path, pictures):
    async with mine(tmp_path, pictures) as (aggregator, north):
        call = subscribe(aggregator)
        await take(call, 5)
        before = north.value("davy_frames_sent_total", sink="grpc")
        await take(call, 40)
        assert north.value("davy_frames_sent_total", sink="grpc") - before < 15
        assert north.value("davy_frames_dropped_total", stage="grpc", reason="not_wanted") > 20
        camera = (await aggregator.get("/v1/cameras/north.face")).json()
        assert camera["fps"] > 5, "its rate is that of the video"


async def test_mqtt_has_a_rate_and_a_size_of_its_own(tmp_path, pictures, mosquitto):
    camera = {"broker": mosquitto.endpoint, "mqtt": {"fps": 4, "width": 320}}
    async with ear(mosquitto.endpoint) as heard, mine(tmp_path, pictures, **camera) as (_, north):
        before, began_s = len(heard), time.monotonic()
        await asyncio.sleep(2)
        frames = [message for message in heard[before:] if message.topic.endswith("/frame")]
        assert 0 < len(frames) / (time.monotonic() - began_s) < 6
        assert jpeg.size_of(frames[-1].payload) == (320, 180)
        assert north.value("davy_frames_dropped_total", stage="grpc", reason="not_wanted") == 0


async def _times(count: int):
    for number in range(count):
        yield number


async def until_raw(call) -> None:
    async with asyncio.timeout(5):
        while not (await call.read()).frame.raw_jpeg:
            pass
