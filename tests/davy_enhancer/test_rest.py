import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image, ImageOps

pytestmark = pytest.mark.system

PROBLEM = "application/problem+json"


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


def brightness(image: Image.Image) -> float:
    return float(np.asarray(image.convert("L")).mean())


async def test_a_dark_jpeg_comes_back_brighter(service, dark: Image.Image, dark_jpeg: bytes):
    answer = await service.http.post("/v1/enhance", content=dark_jpeg, headers={"Content-Type": "image/jpeg"})
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["davy-model"].startswith("ispcnn-")
    assert float(answer.headers["davy-elapsed-ms"]) > 0
    assert {part.split(";")[0].strip() for part in answer.headers["server-timing"].split(",")} == {
        "queue",
        "decode",
        "enhance",
        "encode",
    }
    assert opened(answer).size == dark.size
    assert brightness(opened(answer)) > brightness(dark) + 10


async def test_strength_is_a_dial_from_header_or_query(service, dark: Image.Image, save):
    png = save(dark, "PNG")
    still = await service.http.post("/v1/enhance", content=png, headers={"Davy-Strength": "0"})
    half = await service.http.post("/v1/enhance", content=png, headers={"Davy-Strength": "0"}, params={"strength": 0.5})
    full = await service.http.post("/v1/enhance", content=png)
    assert np.array_equal(np.asarray(opened(still)), np.asarray(dark))
    assert brightness(dark) < brightness(opened(half)) < brightness(opened(full))


async def test_dials_and_presets_are_query_parameters(service, dark: Image.Image, save):
    png = save(ImageOps.colorize(dark.convert("L"), "black", "orange"), "PNG")
    plain = await service.http.post("/v1/enhance", content=png)
    bright = await service.http.post("/v1/enhance", content=png, params={"brightness": 0.5})
    night = await service.http.post("/v1/enhance", content=png, params={"preset": "night IR"})
    assert brightness(opened(bright)) > brightness(opened(plain)) + 5
    assert np.ptp(np.asarray(opened(night)).astype(int), axis=2).max() <= 3
    coloured = await service.http.post("/v1/enhance", content=png, params={"preset": "night IR", "colour": 1})
    assert np.ptp(np.asarray(opened(coloured)).astype(int), axis=2).max() > 3


@pytest.mark.parametrize("wrong", [{"brightness": 2}, {"colour": -1}, {"preset": "day"}])
async def test_a_dial_out_of_range_is_refused(service, dark_jpeg: bytes, wrong):
    answer = await service.http.post("/v1/enhance", content=dark_jpeg, params=wrong)
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.text


async def test_quality_makes_smaller_files(service, dark_jpeg: bytes):
    small = await service.http.post("/v1/enhance", content=dark_jpeg, params={"quality": 10})
    large = await service.http.post("/v1/enhance", content=dark_jpeg, headers={"Davy-Quality": "98"})
    assert len(small.content) < len(large.content)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("image/webp", "WEBP"),
        ("image/png;q=0.9, image/webp;q=0.2", "PNG"),
        ("image/avif,image/webp,image/apng,*/*;q=0.8", "WEBP"),
        ("*/*", "JPEG"),
        ("image/*;q=0.5, image/jpeg;q=0", "PNG"),
    ],
)
async def test_accept_decides_the_format(service, dark_jpeg: bytes, accept: str, kind: str):
    answer = await service.http.post("/v1/enhance", content=dark_jpeg, headers={"Accept": accept})
    assert opened(answer).format == kind
    assert answer.headers["vary"] == "Accept"


async def test_a_format_that_cannot_be_given_is_406(service, dark_jpeg: bytes):
    answer = await service.http.post("/v1/enhance", content=dark_jpeg, headers={"Accept": "image/avif"})
    assert answer.status_code == 406
    assert "image/png" in answer.json()["detail"]


async def test_a_form_field_named_image_is_taken(service, dark: Image.Image, dark_jpeg: bytes):
    answer = await service.http.post("/v1/enhance", files={"image": ("a.jpg", dark_jpeg, "image/jpeg")})
    assert brightness(opened(answer)) > brightness(dark) + 10


async def test_fields_beside_the_file_of_a_form_are_obeyed(service, dark_jpeg: bytes, dark: Image.Image, save):
    png = {"image": ("a.png", save(dark, "PNG"), "image/png")}
    unchanged = await service.http.post("/v1/enhance", files=png, data={"strength": "0"})
    assert np.array_equal(np.asarray(opened(unchanged)), np.asarray(dark))
    over = await service.http.post("/v1/enhance?strength=1", files=png, data={"strength": "0"})
    assert np.asarray(opened(over)).mean() > np.asarray(dark).mean() + 10
    jpeg = {"image": ("a.jpg", dark_jpeg, "image/jpeg")}
    small, large = [await service.http.post("/v1/enhance", files=jpeg, data={"quality": quality}) for quality in ("10", "100")]
    assert len(small.content) < len(large.content) / 2


@pytest.mark.parametrize(
    ("field", "value", "told"), [("strength", "2", "strength"), ("quality", "best", "quality"), ("gamma", "1", "gamma")]
)
async def test_a_field_that_is_wrong_or_unknown_is_refused_by_name(
    service, dark_jpeg: bytes, field: str, value: str, told: str
):
    answer = await service.http.post("/v1/enhance", files={"image": ("a.jpg", dark_jpeg)}, data={field: value})
    assert (answer.status_code, told in answer.json()["detail"]) == (422, True)


async def test_a_picture_over_the_service_s_limit_says_where_to_send_it(start_service, dark_jpeg: bytes):
    async with start_service(max_megapixels=0.01) as service:
        answer = await service.http.post("/v1/enhance", content=dark_jpeg)
    assert answer.status_code == 413
    assert "DAVY_ENHANCER_MAX_MEGAPIXELS" in answer.json()["detail"]


async def test_a_form_without_the_field_gets_an_error_that_names_it(service, dark_jpeg: bytes):
    answer = await service.http.post("/v1/enhance", files={"photo": ("a.jpg", dark_jpeg, "image/jpeg")})
    assert (answer.status_code, "'image'" in answer.json()["detail"]) == (422, True)


def truncated(save: Callable[..., bytes], dark: Image.Image) -> bytes:
    return save(dark, "JPEG")[:-300]


def animated(save: Callable[..., bytes], dark: Image.Image) -> bytes:
    return save(dark, "WEBP", save_all=True, append_images=[dark.rotate(180)])


@pytest.mark.parametrize(
    ("make", "status", "kind"),
    [
        (truncated, 422, "unreadable-image"),
        (lambda save, dark: b"", 422, "unreadable-image"),
        (lambda save, dark: b"hello", 415, "unsupported-image"),
        (lambda save, dark: save(dark.convert("P"), "GIF"), 415, "unsupported-image"),
        (animated, 415, "unsupported-image"),
        (lambda save, dark: save(Image.new("1", (6000, 6000)), "PNG"), 413, "image-too-large"),
    ],
    ids=["truncated", "empty", "text", "gif", "animated", "36 megapixels"],
)
async def test_bad_pictures_are_problems_with_a_remedy(service, dark, save, make, status: int, kind: str):
    answer = await service.http.post("/v1/enhance", content=make(save, dark), headers={"Content-Type": "image/jpeg"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
    assert answer.json()["type"] == f"urn:davy:problem:{kind}"
    assert (await service.http.get("/healthz")).status_code == 200


def grey16(dark: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(dark.convert("L")).astype(np.uint16) * 257)


def with_alpha(dark: Image.Image) -> Image.Image:
    image = dark.copy()
    image.putalpha(90)
    return image


@pytest.mark.parametrize(
    ("change", "kind", "mode"),
    [
        (lambda dark: dark.convert("L"), "JPEG", "L"),
        (lambda dark: dark.convert("CMYK"), "JPEG", "RGB"),
        (grey16, "PNG", "L"),
        (with_alpha, "PNG", "RGBA"),
        (lambda dark: dark.resize((1, 1)), "PNG", "RGB"),
        (lambda dark: dark.resize((2000, 3)), "WEBP", "RGB"),
        (lambda dark: dark.resize((3, 4000)), "PNG", "RGB"),
    ],
    ids=["grey", "cmyk", "16-bit", "alpha", "one pixel", "a strip", "a tall strip"],
)
async def test_unusual_pictures_are_enhanced(service, dark: Image.Image, save, change, kind: str, mode: str):
    before = change(dark)
    after = opened(await service.http.post("/v1/enhance", content=save(before, kind)))
    assert (after.mode, after.size, after.format) == (mode, before.size, kind)


async def test_an_exif_rotated_picture_comes_back_upright(service, dark: Image.Image, save):
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = await service.http.post("/v1/enhance", content=save(dark, "JPEG", exif=exif))
    assert opened(answer).size == (240, 320)
    assert opened(answer).getexif()[0x0112] == 1


async def test_f16_an_upload_of_100_mb_is_refused_with_memory_flat(service, dark_jpeg: bytes):
    async def body() -> AsyncIterator[bytes]:
        for _ in range(1600):
            yield dark_jpeg[:2] + bytes(65534)

    await service.http.post("/v1/enhance", content=dark_jpeg)
    before = psutil.Process(os.getpid()).memory_info().rss
    declared = await service.http.post("/v1/enhance", content=body(), headers={"Content-Length": str(1600 * 65536)})
    assert psutil.Process(os.getpid()).memory_info().rss - before < 16e6
    assert (declared.status_code, declared.headers["content-type"]) == (413, PROBLEM)
    chunked = await service.http.post("/v1/enhance", content=body())  # up to the limit of 24 MB it has to be read
    assert chunked.status_code == 413
    assert psutil.Process(os.getpid()).memory_info().rss - before < 60e6


async def test_requests_beyond_the_queue_get_a_retry_after(start_service, dark: Image.Image, save):
    png = save(dark.resize((3000, 2000)), "PNG")
    async with start_service(queue=2, threads=1) as service:
        answers = await asyncio.gather(*(service.http.post("/v1/enhance", content=png) for _ in range(6)))
        codes = sorted(answer.status_code for answer in answers)
        assert codes[:2] == [200, 200]
        assert set(codes[2:]) == {503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["type"] == "urn:davy:problem:overloaded"
        assert service.count("davy_enhance_requests_total", outcome="overloaded") == 4


async def test_a_missed_deadline_is_a_504(start_service, dark: Image.Image, save):
    png = save(dark.resize((3000, 2000)), "PNG")
    async with start_service(threads=1, deadline_s=0.05) as service:
        answer = await service.http.post("/v1/enhance", content=png)
        assert (answer.status_code, answer.headers["retry-after"]) == (504, "1")
        assert "0.05 s" in answer.json()["detail"]


async def test_a_body_that_does_not_arrive_is_a_408(start_service):
    async with start_service(upload_timeout_s=0.2) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.addresses.http_port)
        writer.write(b"POST /v1/enhance HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nxxx")
        assert b" 408 " in await asyncio.wait_for(reader.readline(), timeout=3)
        writer.close()


async def test_model_readiness_metrics_and_openapi_are_served(service, dark_jpeg: bytes):
    await service.http.post("/v1/enhance", content=dark_jpeg)
    model = (await service.http.get("/v1/model")).json()
    assert model["formats"] == ["image/jpeg", "image/png", "image/webp"]
    assert (await service.http.get("/readyz")).json() == {"status": "ready", "reasons": []}
    assert 'davy_enhance_requests_total{outcome="enhanced"} 1.0' in (await service.http.get("/metrics")).text
    operation = (await service.http.get("/openapi.json")).json()["paths"]["/v1/enhance"]["post"]
    assert set(operation["requestBody"]["content"]) == {"image/jpeg", "image/png", "image/webp", "multipart/form-data"}
    assert PROBLEM in operation["responses"]["422"]["content"]


async def test_the_page_needs_nothing_from_elsewhere(service):
    answer = await service.http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "http" not in answer.text.replace("http://www.w3.org/", "")
