"""A client that sends or reads slowly, or opens many connections, holds neither the server nor its descriptors (A16)."""

import asyncio
import contextlib
import os
import resource
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import Response
from websockets.asyncio.client import connect

from davy.adapters.http.connections import FEW, ConnectionLimits, _client_of
from davy.adapters.http.server import serve_app
from davy.adapters.http.time_limits import TimeLimits

pytestmark = pytest.mark.system

LIMITS = ConnectionLimits()
TIMES = TimeLimits(head_s=0.6, body_s=0.8, body_rate=1000, read_s=0.6, idle_s=0.5)
PATIENCE_S = 6.0
POST = b"POST /size HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"


@contextlib.asynccontextmanager
async def served(connections: ConnectionLimits = LIMITS, times: TimeLimits = TIMES, pause_s: float = 0.0) -> AsyncIterator[int]:
    app = FastAPI()

    @app.get("/")
    async def root() -> str:
        return "here"

    @app.post("/size")
    async def size(request: Request) -> int:
        total = 0
        async for chunk in request.stream():
            await asyncio.sleep(pause_s)
            total += len(chunk)
        return total

    @app.post("/refused")
    async def refused() -> Response:
        return Response(status_code=413)

    @app.get("/large")
    async def large() -> Response:
        return Response(bytes(30_000_000))

    @app.websocket("/quiet")
    async def quiet(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())

    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve_app(app, "127.0.0.1", 0, port.set_result, websockets=True, connections=connections, times=times),
        name="test.server",
    )
    try:
        yield await port
    finally:
        task.cancel()
        await asyncio.wait({task})


async def drip(port: int, start: bytes, piece: bytes = b"", every_s: float = 0.05) -> tuple[bytes, float]:
    """Send a start, then a piece again and again, until the server closes. Returns its answer and the seconds that took."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began_s = loop.time()

    async def send() -> None:
        writer.write(start)
        while piece:
            await asyncio.sleep(every_s)
            writer.write(piece)

    sending = asyncio.create_task(send())
    try:
        with contextlib.suppress(ConnectionError):
            answer = await asyncio.wait_for(reader.read(), PATIENCE_S)
            return answer, loop.time() - began_s
        return b"", loop.time() - began_s
    finally:
        sending.cancel()
        await asyncio.wait({sending})
        writer.close()


async def works(port: int) -> bool:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}/")).status_code == 200


@pytest.mark.parametrize(
    ("start", "piece", "answered"),
    [
        pytest.param(b"", b"", False, id="nothing at all"),
        pytest.param(b"GET / HT", b"", True, id="half a line"),
        pytest.param(b"G", b"E", True, id="a byte at a time"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\n", b"X-A: b\r\n", True, id="a header at a time"),
        pytest.param(POST, b"", True, id="a body that never comes"),
        pytest.param(POST, b"x", True, id="a byte of the body at a time"),
        pytest.param(
            b"POST /size HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n", True, id="chunks of a byte"
        ),
    ],
)
async def test_a16_a_client_that_sends_too_slowly_is_closed(start, piece, answered):
    async with served() as port:
        answer, took_s = await drip(port, start, piece)
        assert answer.startswith(b"HTTP/1.1 408") if answered else answer == b""
        assert 0.4 < took_s < 4
        assert await works(port)


async def test_a16_a_body_after_its_refusal_is_bounded_too():
    start = b"POST /refused HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    async with served() as port:
        answer, took_s = await drip(port, start, b"x")
        assert answer.startswith(b"HTTP/1.1 413")
        assert took_s < 4


async def test_a16_a_second_request_has_the_same_limits():
    async with served() as port:
        for second in (b"GET / H", POST):
            answer, took_s = await drip(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + second, b"")
            assert answer.startswith(b"HTTP/1.1 200")
            assert took_s < 4


async def test_a16_a_client_that_does_not_read_its_answer_is_closed():
    async with served() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(2)
        received = 0
        with contextlib.suppress(ConnectionError):
            while chunk := await asyncio.wait_for(reader.read(65536), PATIENCE_S):
                received += len(chunk)
        assert received < 30_000_000
        writer.close()
        assert await works(port)


async def test_a_quiet_websocket_outlives_every_limit():
    async with served() as port, connect(f"ws://127.0.0.1:{port}/quiet") as socket:
        await asyncio.sleep(1.5 * max(TIMES.head_s, TIMES.body_s, TIMES.read_s))
        await socket.send("still here")
        assert await socket.recv() == "still here"


async def test_a_slow_app_is_not_the_clients_fault():
    """A body that waits longer than the limit in all, because the app reads it slowly, is received whole."""
    async with served(pause_s=0.3) as port, httpx.AsyncClient(timeout=20) as client:
        answer = await client.post(f"http://127.0.0.1:{port}/size", content=bytes(600_000))
        assert answer.json() == 600_000


async def test_a_steady_slow_body_is_received():
    async def body() -> AsyncIterator[bytes]:
        for _ in range(30):
            await asyncio.sleep(0.1)
            yield bytes(200)  # 2000 bytes/s, and 1000 are asked for

    async with served() as port, httpx.AsyncClient(timeout=20) as client:
        assert (await client.post(f"http://127.0.0.1:{port}/size", content=body())).json() == 6000


async def test_a16_connections_of_one_address_are_limited_and_free_places_return():
    async with served(ConnectionLimits(total=40, per_address=5, reserve=4), TimeLimits(head_s=30)) as port:
        kept = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await closed(reader), "the sixth"
        writer.close()
        other_reader, other = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
        other.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert (await asyncio.wait_for(other_reader.read(), 5)).startswith(b"HTTP/1.1 200"), "another address"
        other.close()
        for _, each in kept:
            each.close()
        async with asyncio.timeout(5):
            while not await admitted(port):  # noqa: ASYNC110  # asked over HTTP
                await asyncio.sleep(0.05)


async def test_a16_a_reserve_is_left_for_addresses_that_hold_few():
    async with served(ConnectionLimits(total=20, per_address=18, reserve=8), TimeLimits(head_s=30)) as port:
        kept, refused = [], 0
        for number in range(18):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            kept.append(writer)
            if number > 11:
                refused += await closed(reader)
        assert refused == 6, "one address fills all but the reserve"
        for number in range(FEW):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert (await asyncio.wait_for(reader.readline(), 5)).startswith(b"HTTP/1.1 200"), number
            kept.append(writer)
        for writer in kept:
            writer.close()


async def test_a16_without_descriptors_connections_are_refused_and_the_log_stays_short(monkeypatch, caplog):
    async with served(times=TimeLimits(head_s=30)) as port:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.ExitStack() as files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
            files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
            client = await asyncio.create_subprocess_exec(*("python3", "-c", CROWD, str(port)), stdout=asyncio.subprocess.PIPE)
            with contextlib.suppress(OSError):
                while True:
                    files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            out, _ = await asyncio.wait_for(client.communicate(), 20)
        assert int(out) == 30, "all are closed at once"
        assert len(caplog.records) < 10
        writer.close()
        assert await works(port)


CROWD = """
import socket, sys, time
time.sleep(0.5)
crowd = [socket.create_connection(("127.0.0.1", int(sys.argv[1])), 5) for _ in range(30)]
closed = 0
for each in crowd:
    try:
        closed += each.recv(1) == b""
    except ConnectionError:
        closed += 1
print(closed)
"""


async def closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server has closed the connection at once."""
    try:
        return await asyncio.wait_for(reader.read(1), 0.5) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def admitted(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    try:
        return (await asyncio.wait_for(reader.read(), 5)).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False
    finally:
        writer.close()


def test_addresses_of_one_ipv6_network_are_one_client():
    assert _client_of(("2001:db8::1", 1, 0, 0)) == _client_of(("2001:db8::ffff:2", 9, 0, 0))
    assert _client_of(("::ffff:10.0.0.1", 1, 0, 0)) == _client_of(("10.0.0.1", 2)) == "10.0.0.1"
