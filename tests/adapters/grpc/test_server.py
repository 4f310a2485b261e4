import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from davy.adapters.grpc.server import serve_grpc
from davy.domain.errors import (
    AddressUnavailableError,
    InvalidIdError,
    OverloadedError,
    UnknownCameraError,
)
from davy.v1 import enhancer_pb2, enhancer_pb2_grpc

pytestmark = pytest.mark.system

ERRORS = {  # made anew each time: one that lives as long as its module keeps calls until the interpreter has half ended
    "id": lambda: InvalidIdError("edge", "Ü"),
    "full": lambda: OverloadedError("the mirror", 3),
    "camera": lambda: UnknownCameraError("x/y", ["a/b"]),
}


class Mirror(enhancer_pb2_grpc.EnhancerServiceServicer):
    """Answers with what it was sent; `accept` names the error to raise."""

    async def Enhance(self, request, context):  # noqa: N802
        if request.accept:
            raise ERRORS[request.accept]()
        return enhancer_pb2.EnhanceResponse(image=request.image)

    async def EnhanceStream(self, request_iterator, context):  # noqa: N802
        async for request in request_iterator:
            answer = await self.Enhance(request.request, context)
            yield enhancer_pb2.EnhanceStreamResponse(id=request.id, response=answer)


def register(server):
    enhancer_pb2_grpc.add_EnhancerServiceServicer_to_server(Mirror(), server)
    return ["davy.v1.EnhancerService"]


@asynccontextmanager
async def mirror() -> AsyncIterator[tuple[grpc.aio.Channel, asyncio.Task]]:
    port = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve_grpc("127.0.0.1", 0, register, port.set_result))
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await port}", [("grpc.max_receive_message_length", -1)]) as channel:
            yield channel, task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_call_is_answered():
    async with mirror() as (channel, _):
        answer = await enhancer_pb2_grpc.EnhancerServiceStub(channel).Enhance(enhancer_pb2.EnhanceRequest(image=b"jpeg"))
        assert answer.image == b"jpeg"


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("id", grpc.StatusCode.INVALID_ARGUMENT, "edge id 'Ü' is not legal"),
        ("full", grpc.StatusCode.RESOURCE_EXHAUSTED, "the mirror is full"),
        ("camera", grpc.StatusCode.NOT_FOUND, "known cameras: a/b"),
    ],
)
async def test_an_error_becomes_a_status_with_its_text(name, code, text):
    async with mirror() as (channel, _):
        stub = enhancer_pb2_grpc.EnhancerServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Enhance(enhancer_pb2.EnhanceRequest(accept=name))
        assert caught.value.code() is code
        assert text in caught.value.details()


async def test_an_error_in_a_stream_becomes_a_status_after_the_good_answers():
    async with mirror() as (channel, _):
        good = enhancer_pb2.EnhanceStreamRequest(id="1")
        bad = enhancer_pb2.EnhanceStreamRequest(request=enhancer_pb2.EnhanceRequest(accept="id"))
        call = enhancer_pb2_grpc.EnhancerServiceStub(channel).EnhanceStream(iter([good, bad]))
        assert (await call.read()).id == "1"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("size", [4_000_001, 100_000_000])
async def test_f16_an_oversized_message_ends_its_own_call_only(size):
    async with mirror() as (channel, _):
        stub = enhancer_pb2_grpc.EnhancerServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Enhance(enhancer_pb2.EnhanceRequest(image=bytes(size)))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await stub.Enhance(enhancer_pb2.EnhanceRequest(image=b"still here"))).image == b"still here"


async def test_f17_bytes_that_are_no_protobuf_end_their_own_call_only():
    async with mirror() as (channel, _):
        stream = channel.stream_stream("/davy.v1.EnhancerService/EnhanceStream")(iter([b"\xff\xff\xff"]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stream.read()
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/davy.v1.EnhancerService/Enhance")(b"\xff\xff\xff")
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        stub = enhancer_pb2_grpc.EnhancerServiceStub(channel)
        assert (await stub.Enhance(enhancer_pb2.EnhanceRequest(image=b"still here"))).image == b"still here"


async def test_health_and_reflection_know_the_service():
    async with mirror() as (channel, _):
        request = health_pb2.HealthCheckRequest(service="davy.v1.EnhancerService")
        checked = await health_pb2_grpc.HealthStub(channel).Check(request)
        assert checked.status == health_pb2.HealthCheckResponse.SERVING
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        answer = await reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(iter([ask])).read()
        assert "davy.v1.EnhancerService" in {service.name for service in answer.list_services_response.service}


async def test_a_taken_port_is_refused_with_its_address():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AddressUnavailableError, match=f"127.0.0.1:{port}"):
            await serve_grpc("127.0.0.1", port, register)


async def test_a_cancelled_server_lets_a_running_stream_end_and_then_stops():
    async with mirror() as (channel, task):
        call = enhancer_pb2_grpc.EnhancerServiceStub(channel).EnhanceStream()
        await call.write(enhancer_pb2.EnhanceStreamRequest(id="1"))
        assert (await call.read()).id == "1"
        task.cancel()
        await call.done_writing()
        assert await call.read() == grpc.aio.EOF
        with pytest.raises(asyncio.CancelledError):
            await task
