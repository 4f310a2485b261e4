"""A token of edge north cannot speak for edge south, on any plane of gRPC."""

import time

import grpc
import pytest
from tests.davy_aggregator.conftest import envelope, make_settings, make_site, running
from tests.davy_aggregator.samples.test_rpc import sample

from davy.access.roles import Role
from davy.v1 import ingest_pb2, sample_pb2, sample_pb2_grpc
from davy_cli.directory import open_directory

pytestmark = pytest.mark.system


@pytest.fixture
async def closed(tmp_path):
    camera = {"source": "simulator://face"}
    site = make_site(north={"cameras": {"face": camera}}, south={"cameras": {"face": camera}})
    async with running(make_settings(tmp_path, access="closed"), site) as aggregator:
        with open_directory(tmp_path, "") as directory:
            _, token = directory.add_token("north", Role.EDGE, "north", 1, "test")
        yield aggregator, [("authorization", f"Bearer {token}")]


async def refusal(call) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        async for _ in call:
            pass
    return f"{refused.value.code().name}: {refused.value.details()}"


async def test_a05_frames_of_another_edge_are_refused_and_its_own_are_live(closed):
    aggregator, metadata = closed
    own = ingest_pb2.PushFramesRequest(frame=envelope(1, "north/face"))
    foreign = ingest_pb2.PushFramesRequest(frame=envelope(1, "south/face"))
    answers = [answer async for answer in aggregator.ingest.PushFrames(iter([own]), metadata=metadata)]
    assert answers[-1].seq == 1
    assert "PERMISSION_DENIED" in await refusal(aggregator.ingest.PushFrames(iter([foreign]), metadata=metadata))
    assert "UNAUTHENTICATED" in await refusal(aggregator.ingest.PushFrames(iter([own])))


async def test_a20_events_of_another_edge_are_refused(closed):
    aggregator, metadata = closed
    event = ingest_pb2.Event(
        site="mine", edge="south", boot_id="b1", seq=1, occurred_ns=time.time_ns(), severity=3, kind="fire", message="fire"
    )
    request = ingest_pb2.ReportEventsRequest(event=event)
    assert "PERMISSION_DENIED" in await refusal(aggregator.ingest.ReportEvents(iter([request]), metadata=metadata))


async def test_a19_samples_of_another_edge_are_refused(closed):
    aggregator, metadata = closed
    stub = sample_pb2_grpc.SampleServiceStub(aggregator.channel)
    request = sample_pb2.PushSamplesRequest(sample=sample(1, edge="south"))
    assert "PERMISSION_DENIED" in await refusal(stub.PushSamples(iter([request]), metadata=metadata))
