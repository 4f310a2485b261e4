import asyncio
import shutil
import subprocess
import time

import pytest
from prometheus_client import CollectorRegistry
from tests.conftest import wait_for_port
from tests.davy_aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, push, running, until

from davy.adapters.storage.frame_cache import FrameCache
from davy.domain.errors import StoreUnavailableError
from davy.v1.ingest_pb2 import PushFramesRequest
from davy_aggregator.frame_cache import run_frame_cache
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs Debian's redis-server")


class Redis:
    """A real redis-server as a child process; `kill` and `start` again keep the port."""

    def __init__(self, port):
        self.port = port

    @property
    def endpoint(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/tmp")
        wait_for_port(self.port)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture
def redis(free_port):
    server = Redis(free_port)
    server.start()
    yield server
    server.kill()


async def store_is(aggregator, ok):
    answer = await aggregator.get("/readyz")
    found = {each["name"]: each for each in answer.json()["dependencies"]}.get("store")
    return answer.status_code == 200 and found is not None and found["ok"] is ok


async def test_f03_redis_killed_while_frames_come(redis, tmp_path):
    async with running(make_settings(tmp_path), make_site(store=redis.endpoint)) as aggregator:
        await until(lambda: store_is(aggregator, True))
        call = aggregator.ingest.PushFrames()
        await call.read()
        ages, alive = [], True

        async def pour():
            seq = 0
            while alive:
                seq += 1
                await call.write(PushFramesRequest(frame=envelope(seq)))
                started = time.monotonic()
                await call.read()
                ages.append(time.monotonic() - started)
                await asyncio.sleep(0.05)

        pouring = asyncio.create_task(pour())
        redis.kill()
        await until(lambda: store_is(aggregator, False))
        assert (await aggregator.get("/v1/cameras/north.face/latest.jpg")).status_code == 200
        redis.start()
        async with asyncio.timeout(3):
            await until(lambda: store_is(aggregator, True))

        async def enough():
            return len(ages) > 10

        await until(enough)
        alive = False
        await pouring
        call.cancel()
        assert max(ages) < 0.25


async def test_another_aggregator_shows_the_same_frames(redis, tmp_path):
    site = make_site(store=redis.endpoint)
    async with (
        running(make_settings(tmp_path / "a"), site) as one,
        running(make_settings(tmp_path / "b"), site) as other,
    ):
        for aggregator in (one, other):
            await until(lambda aggregator=aggregator: store_is(aggregator, True))

        async def arrived():
            arrived.seq += 1
            await push(one, envelope(arrived.seq))
            return (await other.get("/v1/cameras/north.face/latest.jpg")).status_code == 200

        arrived.seq = 0
        await until(arrived)
        picture = await other.get("/v1/cameras/north.face/latest.jpg?variant=raw")
        assert picture.content == RAW


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


async def test_a_store_that_dies_while_the_aggregator_is_stopped_does_not_keep_it_alive():
    class Dying(FrameCache):
        """A store whose connection breaks in the very moment of the cancellation."""

        async def check(self):
            pass

        async def get(self, camera):
            return None

        async def follow(self, cameras):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise StoreUnavailableError(self.endpoint, "the connection broke") from None
            yield

    metrics = AggregatorMetrics(CollectorRegistry())
    live = LiveFrames(make_site().camera_ids(), metrics)
    keeping = asyncio.create_task(
        run_frame_cache(Dying("redis://127.0.0.1:9/0", "me"), live, Health(metrics), 10, metrics.count_refused)
    )
    await asyncio.sleep(0.05)
    keeping.cancel()
    done, _ = await asyncio.wait([keeping], timeout=2)
    assert done
    assert keeping.cancelled()
