import pytest
from tests.fixtures.ingest_server import Ingest, ingest_server

from davy.adapters.grpc import ingest_client
from davy.domain.camera import CameraAddress
from davy.domain.errors import AggregatorUnavailableError, ConfigError
from davy.domain.frame import EncodedFrame
from davy.v1 import ingest_pb2

FRAME = EncodedFrame(CameraAddress("demo", "north", "face"), "boot", 7, 1, 320, 240, b"\xff\xd8jpeg", raw_jpeg=b"\xff\xd8raw")


async def test_a_frame_goes_out_and_its_credit_comes_back():
    async with (
        ingest_server(Ingest(window=3)) as server,
        ingest_client.connect(server.endpoint) as client,
        client.push() as stream,
    ):
        assert (await stream.answer(5)).window == 3
        await stream.send(ingest_client.PushedFrame(FRAME))
        credit = await stream.answer(5)
    assert (credit.camera, credit.seq) == ("face", 7)
    assert (server.frames[0].jpeg, server.frames[0].raw_jpeg) == (FRAME.jpeg, FRAME.raw_jpeg)


async def test_an_event_goes_out_and_its_acknowledgement_comes_back():
    async with ingest_server(Ingest()) as server, ingest_client.connect(server.endpoint) as client, client.report() as stream:
        await stream.send(ingest_pb2.Event(boot_id="boot", seq=9))
        ack = await stream.answer(5)
    assert (ack.boot_id, ack.seq) == ("boot", 9)


async def test_nobody_there_is_aggregator_unavailable(free_port):
    async with ingest_client.connect(f"grpc://127.0.0.1:{free_port}") as client, client.push() as stream:
        with pytest.raises(AggregatorUnavailableError, match=f"no aggregator at grpc://127.0.0.1:{free_port}"):
            await stream.answer(5)


async def test_no_answer_is_aggregator_unavailable():
    async with (
        ingest_server(Ingest(answers=False)) as server,
        ingest_client.connect(server.endpoint) as client,
        client.report() as stream,
    ):
        await stream.send(ingest_pb2.Event(boot_id="boot", seq=1))
        with pytest.raises(AggregatorUnavailableError, match="answers nothing"):
            await stream.answer(0.2)


@pytest.mark.parametrize("address", ["127.0.0.1:50051", "http://aggregator", "grpc://", "grpc://host:port"])
async def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(ConfigError, match="no address of an aggregator"):
        async with ingest_client.connect(address):
            pass
