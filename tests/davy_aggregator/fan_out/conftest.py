"""Two aggregators of one site that share live pictures over Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from tests.davy_aggregator.conftest import Running, envelope, make_settings, make_site, running, until
from tests.fixtures.fan_outs import RedisServer

from davy.v1 import ingest_pb2
from davy.v1.ingest_pb2 import PushFramesRequest


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.kill()


@asynccontextmanager
async def two(redis, tmp_path, **settings) -> AsyncIterator[tuple[Running, Running]]:
    """Two aggregators that hear each other."""
    site = make_site(store=redis.endpoint)
    async with (
        running(make_settings(tmp_path / "a", name="a", **settings), site) as one,
        running(make_settings(tmp_path / "b", name="b", **settings), site) as other,
    ):
        for aggregator in (one, other):
            await until(lambda aggregator=aggregator: value(aggregator, "davy_aggregator_replicas") == 1)
        yield one, other


@pytest.fixture
async def pair(redis, tmp_path):
    async with two(redis, tmp_path) as found:
        yield found


def value(aggregator, name, **labels) -> float:
    return aggregator.registry.get_sample_value(name, labels) or 0


async def store_is(aggregator, ok) -> bool:
    answer = await aggregator.get("/readyz")
    found = {each["name"]: each for each in answer.json()["dependencies"]}.get("store")
    return answer.status_code == 200 and found is not None and found["ok"] is ok


@asynccontextmanager
async def pushing(aggregator, first=1, every_s=0.05, **changes):
    """Push frames of one camera without end over one stream; yields the list of the numbers that were accepted."""
    accepted = []

    async def pour() -> None:
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
        with suppress(asyncio.CancelledError, grpc.RpcError, asyncio.InvalidStateError):
            await task


@asynccontextmanager
async def subscribed(aggregator, **options):
    request = ingest_pb2.SubscribeFramesRequest(**{"cameras": ["north/face"], "max_age_ms": 1000} | options)
    call = aggregator.frames.SubscribeFrames(request)
    try:
        yield call
    finally:
        call.cancel()


async def read(call):
    async with asyncio.timeout(3):
        return (await call.read()).frame
