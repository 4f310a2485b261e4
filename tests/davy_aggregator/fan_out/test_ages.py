"""The way over another replica: aggregators as processes, pictures of a usual size, Redis restarted under load."""

import asyncio
import shutil
import statistics
import time
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import httpx
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import envelope, make_site, until
from tests.faults.programs import program
from tests.fixtures.fan_outs import RedisServer

from davy.v1 import ingest_pb2, ingest_pb2_grpc

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(not shutil.which("redis-server"), reason="needs redis-server"),
]
CAMERAS, FPS, PICTURE_BYTES, SECONDS = 16, 5.0, 150_000, 8
MORE_MS = 30  # of age on the way over another replica


@asynccontextmanager
async def aggregator(folder, redis):
    """An aggregator in a process of its own; yields its gRPC channel and the URL of its REST interface."""
    folder.mkdir()
    http, rpc = pick_port(), pick_port()
    cameras = {f"cam-{number}": {"source": "simulator://face"} for number in range(CAMERAS)}
    site = make_site(store=redis.endpoint, north={"cameras": cameras})
    with program(folder, site, "aggregator", "--port", str(http), "--grpc-port", str(rpc)):
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{rpc}") as channel,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{http}") as client,
        ):
            await asyncio.wait_for(channel.channel_ready(), 30)
            yield channel, client


async def push(channel, number, stop):
    """Push one camera at FPS until stop."""
    call = ingest_pb2_grpc.IngestServiceStub(channel).PushFrames()
    await call.read()
    picture, seq = b"\xff\xd8" + bytes(PICTURE_BYTES), 0
    await asyncio.sleep(number / CAMERAS / FPS)  # cameras are out of step
    while not stop.is_set():
        seq += 1
        frame = envelope(seq, f"north/cam-{number}", jpeg=picture, raw_jpeg=b"")
        await call.write(ingest_pb2.PushFramesRequest(frame=frame))
        await call.read()
        await asyncio.sleep(1 / FPS)
    call.cancel()


async def view(channel, ages):
    """Take every camera; append the moment and the age of each frame, in s."""
    request = ingest_pb2.SubscribeFramesRequest(max_age_ms=1500)
    async for answer in ingest_pb2_grpc.FrameServiceStub(channel).SubscribeFrames(request):
        ages.append((time.monotonic(), (time.time_ns() - answer.frame.meta.captured_ns) / 1e9))


@asynccontextmanager
async def load(folder):
    """Two aggregators under load; yields Redis, the REST clients, and the ages at either one."""
    redis = RedisServer()
    async with AsyncExitStack() as stack:
        stack.callback(lambda: redis.kill())
        (one, at_one), (other, at_other) = [
            await stack.enter_async_context(aggregator(folder / name, redis)) for name in ("a", "b")
        ]
        stop, here, there = asyncio.Event(), [], []
        works = [push(one, number, stop) for number in range(CAMERAS)] + [view(one, here), view(other, there)]
        tasks = [asyncio.create_task(work) for work in works]
        stack.callback(lambda: [task.cancel() for task in tasks])
        await until(lambda: len(there) > 2 * CAMERAS, 30)
        yield redis, (at_one, at_other), here, there


async def test_a_viewer_at_the_other_replica_sees_frames_at_most_30_ms_later(tmp_path):
    async with load(tmp_path) as (_, _, here, there):
        here.clear()
        there.clear()
        await asyncio.sleep(SECONDS)
        own, over = (statistics.median(age for _, age in ages) * 1000 for ages in (here, there))
        p99 = [statistics.quantiles([age for _, age in ages], n=100)[98] * 1000 for ages in (here, there)]
        share = len(there) / (CAMERAS * FPS * SECONDS)
        print(f"p50 {own:.1f} and {over:.1f} ms, p99 {p99[0]:.1f} and {p99[1]:.1f} ms; {share:.2f} of all frames over the way")
        assert over - own <= MORE_MS
        assert len(there) >= 0.9 * len(here)


async def test_f03_pictures_return_within_2_s_of_a_restart_of_redis_and_a_flush_loses_none_for_longer(tmp_path):
    async with load(tmp_path) as (redis, clients, _, there):
        for _ in range(3):
            await redis.flush()
            flushed_s = time.monotonic()
            await until(lambda flushed_s=flushed_s: there[-1][0] > flushed_s + 0.01, 2)
        for away_s in (0.5, 4.0):
            redis.kill()
            await asyncio.sleep(away_s)
            states = [(await client.get("/readyz")).json() for client in clients]
            assert all(not each["ok"] for state in states for each in state["dependencies"] if each["name"] == "store")
            redis.start()
            back_s = time.monotonic()
            await until(lambda back_s=back_s: there[-1][0] > back_s, 5)
            took_s = there[-1][0] - back_s
            print(f"after {away_s} s away: pictures after {took_s:.2f} s")
            assert took_s < 2
