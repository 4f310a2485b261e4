import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from tests.faults.proxy import Link, link


@asynccontextmanager
async def echo():
    async def serve(reader, writer):
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def ask(at: Link, reader, writer, timeout_s: float = 2.0) -> float:
    """Seconds until an answer."""
    started = time.monotonic()
    writer.write(b"hello")
    async with asyncio.timeout(timeout_s):
        assert await reader.readexactly(5) == b"hello"
    return time.monotonic() - started


async def test_latency_goes_both_ways():
    async with echo() as port, link(port, latency_s=0.1) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        assert 0.2 <= await ask(at, reader, writer) < 1
        writer.close()


async def test_a_partition_holds_bytes_back_and_gives_them_when_it_heals():
    async with echo() as port, link(port) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        await ask(at, reader, writer)
        at.part()
        with pytest.raises(TimeoutError):
            await ask(at, reader, writer, 0.3)
        at.heal()
        assert await reader.readexactly(5) == b"hello"
        writer.close()


async def test_a_reset_ends_every_connection():
    async with echo() as port, link(port) as at:
        reader, writer = await asyncio.open_connection("127.0.0.1", at.port)
        await ask(at, reader, writer)
        at.reset()
        with pytest.raises(ConnectionResetError):
            await reader.readexactly(1)
        writer.close()
        assert len(at.attempts) == 1
