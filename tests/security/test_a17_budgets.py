"""One caller's streams, calls and changes shut nobody out."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from limits import RateLimitItemPerMinute
from tests.davy_aggregator.conftest import make_settings, make_site, running, until

from davy.access.roles import Role
from davy.adapters.access import grpc as access_grpc
from davy.adapters.access import http as access_http
from davy.v1 import ingest_pb2
from davy_cli.directory import open_directory

pytestmark = pytest.mark.system


@pytest.fixture
async def closed(tmp_path):
    """A closed aggregator, and the Authorization values of a flooder and of the control room, both engineers."""
    async with running(make_settings(tmp_path, access="closed", max_streams_per_caller=2), make_site()) as aggregator:
        with open_directory(tmp_path, "") as directory:
            made = [directory.add_token(name, Role.ENGINEER, "", 1, "test")[1] for name in ("flooder", "control-room")]
        yield aggregator, *(f"Bearer {token}" for token in made)


async def test_a17_streams_of_one_caller_leave_places_for_others(closed):
    aggregator, flooder, control_room = closed

    async def status(authorization: str, stack: AsyncExitStack) -> int:
        stream = aggregator.client.stream("GET", "/v1/events/stream", headers={"Authorization": authorization})
        return (await stack.enter_async_context(stream)).status_code

    async with AsyncExitStack() as stack:
        assert [await status(flooder, stack) for _ in range(3)] == [200, 200, 503]
        assert await status(control_room, stack) == 200


async def test_a18_calls_of_one_caller_leave_places_for_others(closed, monkeypatch):
    monkeypatch.setattr(access_grpc, "MAX_CALLS", 3)
    aggregator, flooder, control_room = closed
    request = ingest_pb2.SubscribeFramesRequest(cameras=["north.face"])

    def subscribe(authorization: str):
        return aggregator.frames.SubscribeFrames(request, metadata=[("authorization", authorization)])

    async def refused(call) -> bool:
        try:
            await asyncio.wait_for(call.read(), 2)
        except TimeoutError:
            return False
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        return False

    calls = [subscribe(flooder) for _ in range(6)]
    assert sum(await asyncio.gather(*map(refused, calls))) >= 3
    assert not await refused(subscribe(control_room))
    for call in calls:
        call.cancel()

    async def admitted() -> bool:
        return not await refused(subscribe(flooder))

    await until(admitted, 10)


async def test_a42_changes_of_one_caller_are_limited(closed, monkeypatch):
    monkeypatch.setattr(access_http, "CHANGES", RateLimitItemPerMinute(5))
    aggregator, flooder, control_room = closed

    async def change(authorization: str) -> int:
        answer = await aggregator.client.delete("/v1/models/none", headers={"Authorization": authorization})
        return answer.status_code

    assert [await change(flooder) for _ in range(7)] == [404] * 5 + [429] * 2
    assert await change(control_room) == 404
    assert (await aggregator.get("/v1/site", headers={"Authorization": flooder})).status_code == 200, "reading goes on"
