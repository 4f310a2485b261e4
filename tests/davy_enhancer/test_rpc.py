import io
import re
from collections.abc import AsyncIterator

import grpc
import numpy as np
import pytest
from PIL import Image

from davy.v1.enhancer_pb2 import Dials, EnhanceRequest, EnhanceStreamRequest
from davy.v1.enhancer_pb2_grpc import EnhancerServiceStub

pytestmark = pytest.mark.system

NAN = float("nan")


@pytest.fixture
async def stub(service) -> AsyncIterator[EnhancerServiceStub]:
    options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{service.addresses.grpc_port}", options=options) as channel:
        yield EnhancerServiceStub(channel)


async def test_one_picture_is_enhanced_in_its_own_format(stub: EnhancerServiceStub, dark: Image.Image, save):
    answer = await stub.Enhance(EnhanceRequest(image=save(dark, "PNG")))
    assert answer.content_type == "image/png"
    assert answer.model.startswith("ispcnn-")
    assert answer.elapsed_ms > 0


async def test_strength_zero_is_not_the_same_as_no_strength(stub: EnhancerServiceStub, dark: Image.Image, save):
    png = save(dark, "PNG")
    still = await stub.Enhance(EnhanceRequest(image=png, strength=0))
    full = await stub.Enhance(EnhanceRequest(image=png))
    assert still.image != full.image


@pytest.mark.parametrize(
    ("request_of", "code", "arguments"),
    [
        (lambda jpeg: EnhanceRequest(image=jpeg[:-300]), grpc.StatusCode.INVALID_ARGUMENT, "truncated"),
        (lambda jpeg: EnhanceRequest(image=b"hello"), grpc.StatusCode.INVALID_ARGUMENT, "send JPEG"),
        (lambda jpeg: EnhanceRequest(image=jpeg, strength=2), grpc.StatusCode.INVALID_ARGUMENT, "0 .identity. to 1"),
        (
            lambda jpeg: EnhanceRequest(image=jpeg, dials=Dials(noise=float("nan"))),
            grpc.StatusCode.INVALID_ARGUMENT,
            "noise nan",
        ),
        (lambda jpeg: EnhanceRequest(image=jpeg, dials=Dials(colour=-1)), grpc.StatusCode.INVALID_ARGUMENT, "colour -1"),
        (lambda jpeg: EnhanceRequest(image=jpeg, dials=Dials(preset="noon")), grpc.StatusCode.INVALID_ARGUMENT, "longwall"),
        (lambda jpeg: EnhanceRequest(image=jpeg, quality=101), grpc.StatusCode.INVALID_ARGUMENT, "1 to 100"),
        (lambda jpeg: EnhanceRequest(image=jpeg, accept="text/html"), grpc.StatusCode.INVALID_ARGUMENT, "image/webp"),
        (lambda jpeg: EnhanceRequest(image=bytes(100_000_000)), grpc.StatusCode.RESOURCE_EXHAUSTED, "larger than max"),
    ],
)
async def test_bad_requests_end_with_a_code_and_a_reason(
    stub: EnhancerServiceStub, dark_jpeg: bytes, request_of, code, arguments
):
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.Enhance(request_of(dark_jpeg))
    assert caught.value.code() is code
    assert re.search(arguments, caught.value.details() or "")


async def test_dials_change_the_picture_and_replace_those_of_the_preset(stub: EnhancerServiceStub, save):
    coat = Image.new("RGB", (320, 240), (40, 20, 90))

    async def colourless(dials: Dials) -> bool:
        answer = await stub.Enhance(EnhanceRequest(image=save(coat, "PNG"), dials=dials))
        pixels = np.asarray(Image.open(io.BytesIO(answer.image)).convert("RGB")).astype(int)
        return int(np.ptp(pixels, axis=2).max()) <= 2

    assert await colourless(Dials(preset="night IR"))
    assert await colourless(Dials(colour=0))
    assert not await colourless(Dials(preset="night IR", colour=1))


async def test_a_stream_answers_in_order_and_survives_a_bad_picture(stub: EnhancerServiceStub, dark_jpeg: bytes):
    async def requests() -> AsyncIterator[EnhanceStreamRequest]:
        for number in range(20):
            image = dark_jpeg[:-300] if number % 5 == 3 else dark_jpeg
            yield EnhanceStreamRequest(id=str(number), request=EnhanceRequest(image=image, accept="image/jpeg"))

    answers = [answer async for answer in stub.EnhanceStream(requests())]
    assert [answer.id for answer in answers] == [str(number) for number in range(20)]
    assert [number for number, answer in enumerate(answers) if answer.error] == [3, 8, 13, 18]
    assert all(bool(answer.response.image) != bool(answer.error) for answer in answers)


async def test_a_client_that_leaves_a_stream_frees_its_places(stub: EnhancerServiceStub, service, dark_jpeg: bytes):
    async def requests() -> AsyncIterator[EnhanceStreamRequest]:
        while True:
            yield EnhanceStreamRequest(request=EnhanceRequest(image=dark_jpeg))

    call = stub.EnhanceStream(requests())
    async for _ in call:
        break
    call.cancel()
    answers = [await stub.Enhance(EnhanceRequest(image=dark_jpeg)) for _ in range(20)]
    assert len(answers) == 20
    assert service.count("davy_enhance_requests_inside") == 0
