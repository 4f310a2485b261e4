"""Two aggregators of one site share live pictures over Redis."""

import asyncio
import shutil
import time
from contextlib import asynccontextmanager

import pytest
from tests.davy_aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, push, running, until
from tests.fixtures.fan_outs import RedisServer

from davy.v1 import ingest_pb2
from davy.v1.ingest_pb2 import PushFramesRequest

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs Debian's redis-server")


@pytest.fixture
def redis():
    server = RedisServer()
    yield server
    server.kill()


@pytest.fixture
async def pair(redis, tmp_path):
    """Two aggregators that hear each other."""
    site = make_site(store=redis.endpoint)
    async with (
        running(make_settings(tmp_path / "a", name="a"), site) as one,
        running(make_settings(tmp_path / "b", name="b"), site) as other,
    ):
        for aggregator in (one, other):
            await until(lambda aggregator=aggregator: replicas_of(aggregator) == 1)
        yield one, other


def replicas_of(aggregator):
    return aggregator.registry.get_sample_value("davy_aggregator_replicas")


def value(aggregator, name, **labels):
    return aggregator.registry.get_sample_value(name, labels) or 0


async def store_is(aggregator, ok):
    answer = await aggregator.get("/readyz")
    found = {each["name"]: each for each in answer.json()["dependencies"]}.get("store")
    return answer.status_code == 200 and found is not None and found["ok"] is ok


@asynccontextmanager
async def pushing(aggregator, first=1, every_s=0.05, **changes):
    """Push frames of one camera without end over one stream; yields the list of the numbers that were accepted."""
    accepted = []

    async def pour():
        call = aggregator.ingest.PushFrames()
        try:
            await call.read()
            while True:
                seq = first + len(accepted)
                await call.write(PushFramesRequest(frame=envelope(seq, **changes)))
                await call.read()
                accepted.append(seq)
                await asyncio.sleep(every_s)
        finally:
            call.cancel()

    task = asyncio.create_task(pour())
    try:
        yield accepted
    finally:
        task.cancel()
        await asyncio.wait([task])


@asynccontextmanager
async def subscribed(aggregator, **options):
    call = aggregator.frames.SubscribeFrames(
        ingest_pb2.SubscribeFramesRequest(**{"cameras": ["north/face"], "max_age_ms": 1000} | options)
    )
    try:
        yield call
    finally:
        call.cancel()


async def read(call):
    async with asyncio.timeout(3):
        return (await call.read()).frame


async def test_a_viewer_sees_a_camera_that_pushes_to_another_replica(pair):
    one, other = pair
    async with pushing(one) as accepted, subscribed(other) as call:
        frames = [await read(call) for _ in range(5)]
        assert [frame.meta.seq for frame in frames] == sorted({frame.meta.seq for frame in frames})
        assert frames[-1].jpeg == PICTURE
        assert not frames[-1].raw_jpeg
        assert len(accepted) >= 5


async def test_nothing_is_sent_that_nobody_there_looks_at(pair):
    one, other = pair
    async with pushing(one) as accepted:
        await until(lambda: len(accepted) > 20)
        received = value(other, "davy_aggregator_frames_received_total", edge="north", camera="face", via="replica")
        assert received == 0


async def test_raw_pictures_come_where_a_viewer_asks_for_them(pair):
    one, other = pair
    async with pushing(one), subscribed(other, include_raw=True) as call:

        async def raw():
            return (await read(call)).raw_jpeg == RAW

        await until(raw)


async def test_the_rate_that_a_viewer_wants_holds_on_the_way(pair):
    one, other = pair
    async with pushing(one, every_s=0.02) as accepted, subscribed(other, max_fps=5) as call:
        await read(call)
        began, before_s = len(accepted), time.monotonic()
        for _ in range(5):
            await read(call)
        took_s = time.monotonic() - before_s
        received = value(other, "davy_aggregator_frames_received_total", edge="north", camera="face", via="replica")
        assert received <= 3 + 5 * (took_s + 0.5)
        assert len(accepted) - began > received


async def test_the_newest_picture_is_fetched_from_the_replica_that_has_it(pair):
    one, other = pair
    await push(one, envelope(1))

    async def known():
        return (await other.get("/v1/cameras/north.face")).json()["seq"] == 1

    await until(known)
    picture = await other.get("/v1/cameras/north.face/latest.jpg?variant=raw")
    assert picture.content == RAW
    await push(one, envelope(2))

    async def newer():
        return (await other.get("/v1/cameras/north.face/latest.jpg")).headers["X-Davy-Seq"] == "2"

    await until(newer)


async def test_state_rate_and_age_of_a_camera_are_the_same_at_every_replica(pair):
    one, other = pair
    async with pushing(one):

        async def agree():
            here, there = [(await each.get("/v1/cameras/north.face")).json() for each in pair]
            return (
                (here["state"], there["state"]) == ("live", "live")
                and here["fps"] > 5
                and abs(here["fps"] - there["fps"]) <= 4
                and there["received"] > 0
                and there["width"] == 320
            )

        await until(agree, 10)

    async def stale():
        return (await other.get("/v1/cameras/north.face")).json()["state"] == "stale"

    await until(stale)


async def test_the_age_is_that_of_the_replica_that_knows_the_edges_clock(pair):
    one, other = pair
    async with pushing(one, age_s=3600.0), subscribed(other):  # the edge's clock is an hour behind; 5 s later that is known

        async def agree():
            ages = [(await each.get("/v1/cameras/north.face/latest.jpg")).headers.get("X-Davy-Age-Ms") for each in pair]
            return all(age is not None and int(age) < 500 for age in ages)

        await until(agree, 10)

        async def reported():
            return (await other.get("/v1/cameras/north.face")).json()["clock_skew_ms"] == pytest.approx(3_600_000, abs=3000)

        await until(reported)


async def test_a_camera_that_moves_to_another_replica_goes_on_at_once(pair):
    one, other = pair
    async with subscribed(one) as call:
        async with pushing(one) as accepted:
            while (await read(call)).meta.seq < 5:
                pass
        moved_s = time.monotonic()
        async with pushing(other, first=accepted[-1] + 1):
            while (await read(call)).meta.seq <= accepted[-1]:
                pass
            assert time.monotonic() - moved_s < 1.9  # sooner than frames are reordered
            back = await read(call)
        moved_s = time.monotonic()
        async with pushing(one, first=back.meta.seq + 1000):
            while (await read(call)).meta.seq < back.meta.seq + 1000:
                pass
            assert time.monotonic() - moved_s < 1.9


async def test_f03_redis_killed_while_frames_come(pair, redis):
    one, other = pair
    async with pushing(one) as accepted, subscribed(other) as call:
        await read(call)
        redis.kill()
        for aggregator in pair:
            await until(lambda aggregator=aggregator: store_is(aggregator, False))
        assert (await other.get("/v1/cameras/north.face/latest.jpg")).status_code == 200
        before = len(accepted)
        await until(lambda: len(accepted) > before + 5)  # ingest does not wait for it
        redis.start()
        back_s = time.monotonic()
        newest = accepted[-1]
        while (await read(call)).meta.seq <= newest:
            pass
        assert time.monotonic() - back_s < 2
        for aggregator in pair:
            await until(lambda aggregator=aggregator: store_is(aggregator, True))


async def test_a_restarted_aggregator_shows_the_last_frame_as_old_as_it_is(redis, tmp_path):
    site, settings = make_site(store=redis.endpoint), make_settings(tmp_path, stale_after_s=0.3)
    async with running(settings, site) as first:
        await until(lambda: store_is(first, True))
        await push(first, envelope(1))
        await asyncio.sleep(0.3)
    async with running(settings, site) as second:
        await until(lambda: store_is(second, True))
        picture = await second.get("/v1/cameras/north.face/latest.jpg")
        assert picture.content == PICTURE
        assert picture.headers["X-Davy-Stale"] == "true"
        await push(second, envelope(2, boot_id="b2"))
        assert (await second.get("/v1/cameras/north.face/latest.jpg")).headers["X-Davy-Seq"] == "2"
