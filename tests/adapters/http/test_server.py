import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import psutil
import pytest
from fastapi import FastAPI, Query, Request
from fastapi.responses import StreamingResponse
from prometheus_client import CollectorRegistry, Counter
from structlog.testing import capture_logs

from davy.adapters.addresses import listen
from davy.adapters.http.body_limit import BodyLimit
from davy.adapters.http.connections import BoundedListener, ConnectionLimits
from davy.adapters.http.metrics import install_metrics
from davy.adapters.http.problems import PROBLEM_TYPE, install_problem_handlers
from davy.adapters.http.server import serve_app
from davy.domain.errors import (
    AddressUnavailableError,
    OverloadedError,
    UnknownCameraError,
)

pytestmark = pytest.mark.system

LIMIT = 1_000_000


def make_app() -> FastAPI:
    app = FastAPI()
    install_problem_handlers(app)
    app.add_middleware(BodyLimit, limit_bytes=LIMIT)
    install_metrics(app, registry := CollectorRegistry())
    Counter("davy_answers_total", "Answers.", registry=registry)

    @app.get("/camera")
    async def camera() -> None:
        raise UnknownCameraError("face-9", ["face-1"])

    @app.get("/busy")
    async def busy() -> None:
        raise OverloadedError("the queue", 8)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the secret is 1234")

    @app.get("/dial")
    async def dial(strength: Annotated[float, Query(ge=0, le=1)]) -> float:
        return strength

    @app.post("/size")
    async def size(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @app.post("/form")
    async def form(request: Request) -> int:
        return len(await request.form())

    @app.get("/endless")
    async def endless() -> StreamingResponse:
        async def ticks() -> AsyncIterator[bytes]:
            while True:
                yield b"tick"
                await asyncio.sleep(0.05)

        return StreamingResponse(ticks())

    return app


@contextlib.asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve_app(app, "127.0.0.1", 0, port.set_result))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await port}", timeout=20, verify=False) as client:
            yield client
    finally:
        server.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await server


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with served(make_app()) as client:
        yield client


async def test_an_error_of_davy_becomes_a_problem(client: httpx.AsyncClient):
    answer = await client.get("/camera")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM_TYPE
    assert answer.json() == {
        "type": "urn:davy:problem:unknown-camera",
        "title": "Unknown camera",
        "status": 404,
        "detail": "no camera 'face-9'; did you mean 'face-1'? (known cameras: face-1)",
        "instance": "/camera",
    }


async def test_an_overloaded_service_says_when_to_come_back(client: httpx.AsyncClient):
    answer = await client.get("/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_unknown_paths_and_methods_are_problems_that_say_what_to_do(client: httpx.AsyncClient):
    missing, wrong = await client.get("/nowhere"), await client.delete("/dial")
    assert (missing.status_code, missing.json()["detail"]) == (404, "nothing is at /nowhere")
    assert (wrong.status_code, wrong.json()["detail"]) == (405, "/dial does not take DELETE: use GET")
    assert wrong.headers["allow"] == "GET"


async def test_a_validation_error_points_at_the_parameter(client: httpx.AsyncClient):
    answer = await client.get("/dial", params={"strength": 3})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == PROBLEM_TYPE
    [fault] = answer.json()["errors"]
    assert (fault["in"], fault["pointer"]) == ("query", "#/strength")


async def test_an_unexpected_error_shows_its_id_and_nothing_else(client: httpx.AsyncClient):
    with capture_logs() as lines:
        answer = await client.get("/broken")
    assert answer.status_code == 500
    assert "1234" not in answer.text
    assert [line["problem_id"] for line in lines] == [answer.json()["id"]]


async def test_metrics_are_served_as_prometheus_text(client: httpx.AsyncClient):
    answer = await client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "davy_answers_total 0.0" in answer.text


PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'


async def a_long_body(total: int) -> AsyncIterator[bytes]:
    yield PART
    for _ in range(total // 65536):
        yield bytes(65536)


@pytest.mark.parametrize("path", ["/size", "/form"])
@pytest.mark.parametrize(
    "length", [{}, {"Content-Length": str(len(PART) + 100_000_000 // 65536 * 65536)}], ids=["chunked", "declared"]
)
async def test_a_body_of_100_mb_is_refused_with_memory_flat(client: httpx.AsyncClient, path: str, length: dict[str, str]):
    process = psutil.Process(os.getpid())
    headers = {"Content-Type": "multipart/form-data; boundary=x"} | length
    await client.post("/size", content=bytes(LIMIT // 2))  # warm
    before = process.memory_info().rss
    answer = await client.post(path, content=a_long_body(100_000_000), headers=headers)
    assert process.memory_info().rss - before < 16e6
    assert answer.status_code == 413
    assert answer.json()["type"] == "urn:davy:problem:body-too-large"


async def test_a_declared_length_over_the_limit_is_refused_before_any_byte(client: httpx.AsyncClient):
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"POST /size HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
    assert b" 413 " in await asyncio.wait_for(reader.readline(), timeout=2)
    writer.close()


async def test_a_body_at_the_limit_is_taken(client: httpx.AsyncClient):
    assert (await client.post("/size", content=bytes(LIMIT))).json() == LIMIT


async def test_a_stop_ends_a_live_stream_without_a_traceback(caplog: pytest.LogCaptureFixture):
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = asyncio.create_task(serve_app(make_app(), "127.0.0.1", 0, port.set_result))
    url = f"http://127.0.0.1:{await port}/endless"
    async with httpx.AsyncClient(verify=False) as client, client.stream("GET", url) as answer:
        chunks = answer.aiter_bytes()
        assert await anext(chunks) == b"tick"
        server.cancel()
        async with asyncio.timeout(5):
            async for _ in chunks:  # ends properly: httpx raises on a cut stream
                pass
    with contextlib.suppress(asyncio.CancelledError):
        await server
    assert "Traceback" not in caplog.text


async def test_a_port_in_use_is_said_so():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(AddressUnavailableError, match="choose another port"):
        await serve_app(make_app(), "127.0.0.1", taken.getsockname()[1])


def test_small_writes_of_an_answer_wait_for_no_acknowledgement():
    """Head and body are two writes: without TCP_NODELAY each answer on a kept connection takes 40 ms."""
    with (
        BoundedListener(listen("127.0.0.1", 0), ConnectionLimits()) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
