"""Two aggregators of one site, over real sockets and Redis."""

import asyncio
import shutil
import time

import pytest
from tests.davy_aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, push, running, until
from tests.davy_aggregator.fan_out.conftest import pushing, read, store_is, subscribed, two, value
from tests.davy_aggregator.rpc.test_ingest import report
from tests.fixtures.postgres import running_postgres

pytestmark = [pytest.mark.system, pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server")]


async def test_f03_a_viewer_sees_a_camera_that_pushes_elsewhere_also_after_a_restart_of_redis(pair, redis):
    one, other = pair
    async with pushing(one) as accepted, subscribed(other, include_raw=True) as call:
        frames = [await read(call) for _ in range(5)]
        assert [frame.meta.seq for frame in frames] == sorted({frame.meta.seq for frame in frames})
        assert (frames[-1].jpeg, frames[-1].raw_jpeg) == (PICTURE, RAW)
        redis.kill()
        for aggregator in pair:
            await until(lambda aggregator=aggregator: store_is(aggregator, False))
        assert (await other.get("/v1/cameras/north.face/latest.jpg")).status_code == 200
        before = len(accepted)
        await until(lambda: len(accepted) > before + 5)  # ingest does not wait for it
        redis.start()
        back_s, newest = time.monotonic(), accepted[-1]
        while (await read(call)).meta.seq <= newest:
            pass
        assert time.monotonic() - back_s < 2
        for aggregator in pair:
            await until(lambda aggregator=aggregator: store_is(aggregator, True))


async def test_state_and_newest_picture_are_fetched_from_the_replica_that_has_them(pair):
    one, other = pair
    await push(one, envelope(1))

    async def known():
        camera = (await other.get("/v1/cameras/north.face")).json()
        return (camera["seq"], camera["state"], camera["width"]) == (1, "live", 320)

    await until(known)
    assert value(other, "davy_aggregator_frames_received_total", edge="north", camera="face", via="replica") == 0
    assert (await other.get("/v1/cameras/north.face/latest.jpg?variant=raw")).content == RAW
    await push(one, envelope(2))

    async def newer():
        return (await other.get("/v1/cameras/north.face/latest.jpg")).headers["X-Davy-Seq"] == "2"

    await until(newer)


async def test_a_restarted_aggregator_shows_the_last_frame_as_old_as_it_is(redis, tmp_path):
    site, settings = make_site(store=redis.endpoint), make_settings(tmp_path, stale_after_s=0.3)
    async with running(settings, site) as first:
        await until(lambda: store_is(first, True))
        await push(first, envelope(1, "north/belt"))
        await asyncio.sleep(0.3)  # it becomes stale
    async with running(settings, site) as second:
        await until(lambda: store_is(second, True))
        picture = await second.get("/v1/cameras/north.belt/latest.jpg")
        assert (picture.content, picture.headers["X-Davy-Stale"]) == (PICTURE, "true")
        await push(second, envelope(2, "north/belt", boot_id="b2"))
        assert (await second.get("/v1/cameras/north.belt/latest.jpg")).headers["X-Davy-Seq"] == "2"


@pytest.mark.slow  # PostgreSQL starts for some seconds
async def test_an_event_that_another_replica_stores_is_heard_at_once(redis, tmp_path):
    with running_postgres() as postgres:
        async with (
            two(redis, tmp_path, database=postgres.database()) as (one, other),
            other.client.stream("GET", "/v1/events/stream") as stream,
        ):
            stored_s = time.monotonic()
            await anext(aiter(one.ingest.ReportEvents(iter([report(1)]))))
            async with asyncio.timeout(3):
                async for line in stream.aiter_lines():
                    if "camera-offline" in line:
                        break
            assert time.monotonic() - stored_s < 0.4  # sooner than the store is polled

            async def alarm_is(aggregator, state):
                return [each["state"] for each in (await aggregator.get("/v1/alarms")).json()["alarms"]] == [state]

            await anext(aiter(one.ingest.ReportEvents(iter([report(2, kind="lens-blocked")]))))
            for aggregator in (one, other):
                await until(lambda aggregator=aggregator: alarm_is(aggregator, "unacknowledged"))
