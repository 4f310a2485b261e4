"""Replicas of one process, over memory: what is sent, and what it does at the other one."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import until

from davy.adapters.fan_out.memory import MemoryFanOut, MemoryHub
from davy.domain.camera import CameraAddress
from davy.domain.frame import EncodedFrame
from davy.domain.video import VideoPacket
from davy.streams.tasks import end
from davy_aggregator.fan_out.exchange import Replicas
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.video import LiveVideo

pytestmark = pytest.mark.system

FACE, BELT = CameraAddress("mine", "north", "face"), CameraAddress("mine", "north", "belt")
KEY = b"\x00\x00\x00\x01key"


class SharedMemory(MemoryFanOut):
    """Memory that several replicas share; one that is alone has no endpoint, and exchanges nothing."""

    endpoint = "memory://"

    def __init__(self, hub):
        super().__init__(hub)
        self.published = []

    async def publish(self, channel, message):
        self.published.append(channel.name)
        await super().publish(channel, message)


class Replica:
    """The live part of one aggregator."""

    def __init__(self, hub, name, keep_fps=0.0):
        self.metrics = AggregatorMetrics(CollectorRegistry())
        self.live = LiveFrames([FACE, BELT], self.metrics)
        self.video = LiveVideo(self.live, self.metrics)
        self.engine, self.health = SharedMemory(hub), Health(self.metrics)
        self.exchange = Replicas(
            self.engine, name, "mine", self.live, self.video, self.health, self.metrics, keep_fps, 60.0, [self.heard]
        )
        self.news = 0

    def heard(self):
        self.news += 1

    def pictures(self):
        return [name for name in self.engine.published if name.startswith(("frame/", "video/"))]

    def put(self, seq, session, age_s=0.0, camera=FACE):
        captured_ns = time.time_ns() - int(age_s * 1e9)
        frame = EncodedFrame(camera, "b1", seq, captured_ns, 320, 180, b"\xff\xd8", raw_jpeg=b"\xff\xd8raw")
        return self.live.put(frame, "grpc", session)


@asynccontextmanager
async def replicas(count, **options):
    hub = MemoryHub()
    found = [Replica(hub, f"r{number}", **options) for number in range(count)]
    tasks = [asyncio.create_task(each.exchange.run()) for each in found]
    await until(lambda: all(each.exchange.others() == count - 1 for each in found))
    try:
        yield found
    finally:
        await end(*tasks)


async def wanted(replica, camera=FACE):
    await until(lambda: replica.video.demand(camera).fps >= 0 and camera in replica.exchange.wanted)


async def take(watcher):
    async with asyncio.timeout(2):
        return await watcher.take()


async def test_nothing_is_sent_that_nobody_elsewhere_looks_at():
    async with replicas(2) as (one, other):
        with one.live.watch("test", [FACE]), other.live.watch("test", [BELT]):
            await wanted(one, BELT)
            for seq in range(1, 20):
                one.put(seq, 1)
            await asyncio.sleep(0.1)
            assert one.pictures() == other.pictures() == []


async def test_a_viewer_gets_the_newest_frame_at_once_and_then_each_with_its_age():
    async with replicas(2) as (one, other):
        one.put(1, 1, age_s=1.0)
        with other.live.watch("test", [FACE]) as watcher:
            first = await take(watcher)
            assert (first.frame.seq, first.frame.raw_jpeg) == (1, b"")
            assert 1.0 <= first.age_s() < 1.5
            one.put(2, 1)
            assert (await take(watcher)).frame.seq == 2


async def test_a_raw_picture_comes_where_somebody_wants_it():
    async with replicas(2) as (one, other):
        with other.live.watch("test", [FACE]) as watcher:
            watcher.wants_raw = lambda _: True
            watcher.wake()
            await until(lambda: one.video.demand(FACE).raw)
            one.put(1, 1)
            assert (await take(watcher)).frame.raw_jpeg == b"\xff\xd8raw"


async def test_an_edge_hears_what_viewers_of_all_replicas_want():
    async with replicas(3) as (one, other, third):
        with one.video.watch(FACE), other.live.watch("test", [FACE], max_fps=5), third.live.watch("test", [FACE], max_fps=8):
            await until(lambda: one.video.demand(FACE).fps == 8.0)
        await until(lambda: not one.exchange.wanted)


async def test_the_rate_that_a_viewer_wants_holds_on_the_way():
    async with replicas(2) as (one, other):
        with other.live.watch("test", [FACE], max_fps=10):
            await wanted(one)
            ends_s, seq = time.monotonic() + 0.5, 0
            while time.monotonic() < ends_s:
                one.put(seq := seq + 1, 1)
                await asyncio.sleep(0.005)
            assert 2 <= len(one.pictures()) <= 8


async def test_the_clock_of_an_edge_is_that_of_the_replica_that_it_sends_to():
    async with replicas(2) as (one, other):
        one.put(1, 1, age_s=-3600.0)  # a frame of the future corrects the clock at once
        with other.live.watch("test", [FACE]) as watcher:
            assert (await take(watcher)).age_s() < 0.5
        await until(lambda: other.live.clock_offset_ms("north") == pytest.approx(-3_600_000, abs=1000))


async def test_a_camera_that_moves_goes_on_at_once_whatever_the_clocks_show(monkeypatch):
    async with replicas(3) as (one, other, third):
        with one.live.watch("test", [FACE]) as watcher:
            session = other.live.sessions.next() + 3_600_000_000_000  # its clock is an hour ahead
            other.live.sessions.observe(session)
            await wanted(other)
            other.put(900, session)
            assert (await take(watcher)).frame.seq == 900
            await until(lambda: third.live.sessions.newest >= session)
            third.put(1, third.live.sessions.next())
            assert (await take(watcher)).frame.seq == 1
            one.put(2, one.live.sessions.next())
            assert (await take(watcher)).frame.seq == 2


async def test_a_dead_replica_wants_nothing_after_3_s(monkeypatch):
    async with replicas(2) as (one, other):
        with other.live.watch("test", [FACE]):
            await wanted(one)
            monkeypatch.setattr("davy_aggregator.fan_out.sending.SILENT_S", 0.0)  # as if that time had gone
            await until(lambda: not one.exchange.wanted)


async def test_news_reach_every_other_replica_and_not_oneself():
    async with replicas(3) as (one, other, third):
        one.exchange.tell_news()
        await until(lambda: other.news and third.news)
        assert one.news == 0


async def test_what_is_kept_for_a_replica_that_starts_goes_at_a_low_rate():
    async with replicas(2, keep_fps=0.1) as (one, other):
        for seq in range(1, 10):
            one.put(seq, 1)
            await asyncio.sleep(0.01)
        assert len(one.pictures()) == 1
        later = Replica(MemoryHub(), "later")
        later.engine._hub = other.engine._hub
        await later.exchange.restore()
        assert later.live.newest(FACE).frame.seq == 1


async def test_messages_of_strangers_are_refused_and_counted():
    async with replicas(2) as (one, other):
        for channel in (name for name in set(one.engine.published) if name.startswith(("cameras", "demand"))):
            await one.engine.publish(replace(one.exchange.controls()[0], name=channel), b"\xff\xffnoise")
        registry = other.metrics.refused
        await until(lambda: registry.labels("replica", "InvalidInputError")._value.get() >= 2)


def packet(seq, *, key=False, variant="enhanced"):
    return VideoPacket(FACE, variant, "b1", seq, time.time_ns(), key, 320, 180, KEY if key else KEY[:4] + b"p%d" % seq)


async def test_video_begins_elsewhere_with_the_present_group_and_goes_on():
    async with replicas(2) as (one, other):
        with one.video.requests() as requests:
            requests.offer([FACE])
            for seq in (1, 2, 3):
                one.video.put(packet(seq, key=seq == 1), 7)
            await until(lambda: other.video.can_send(FACE))
            with other.video.watch(FACE) as queue:
                async with asyncio.timeout(2):
                    assert [(await queue.take()).seq for _ in range(3)] == [1, 2, 3]
                    one.video.put(packet(4), 7)
                    got = await queue.take()
                assert (got.seq, got.age.seconds() < 1) == (4, True)
                assert one.video.demand(FACE).video == {"enhanced"}
            await until(lambda: not one.video.demand(FACE).video)


async def test_a_viewer_that_wants_nothing_earlier_gets_a_key_frame_of_the_edge():
    async with replicas(2) as (one, other):
        with one.video.requests() as requests:
            requests.offer([FACE])
            one.video.put(packet(1, key=True), 7)
            await until(lambda: other.video.can_send(FACE))
            await requests.take()
            with other.video.watch(FACE, cached=False) as queue:
                keys = set()
                while not keys:
                    async with asyncio.timeout(2):
                        keys = (await requests.take())[1]
                assert keys == {(FACE, "enhanced")}
                await until(lambda: one.video.demand(FACE).video)
                await asyncio.sleep(0.05)  # the relay stands
                one.video.put(packet(2, key=True), 7)
                async with asyncio.timeout(2):
                    assert (await queue.take()).seq == 2
