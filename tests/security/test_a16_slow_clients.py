"""A16: 250 connections that sent half a header were kept for ever, HTTP was dead, and the log grew by 3 MB a second."""

import asyncio
from contextlib import AsyncExitStack, suppress

import httpx
import pytest
from tests.davy_aggregator.conftest import make_settings, make_site
from tests.davy_aggregator.conftest import running as aggregator_running
from tests.davy_enhancer.conftest import running as enhancer_running
from tests.davy_trainer.service.conftest import serving

from davy_trainer.service.settings import TrainerSettings

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]
CROWD = 250


@pytest.fixture
async def services(tmp_path):
    """HTTP clients of the three services, with the limits of their settings."""
    trainer = TrainerSettings(port=0, grpc_port=0, access="open", data=tmp_path / "trainer", keys=tmp_path / "keys")
    async with AsyncExitStack() as stack:
        aggregator = await stack.enter_async_context(aggregator_running(make_settings(tmp_path / "aggregator"), make_site()))
        enhancer = await stack.enter_async_context(enhancer_running(tmp_path / "enhancer"))
        yield aggregator.client, enhancer.http, (await stack.enter_async_context(serving(trainer))).client


async def test_a16_a_crowd_of_half_headers_is_closed_and_others_are_served(services, caplog):
    connections = [
        await asyncio.open_connection(client.base_url.host, client.base_url.port) for client in services for _ in range(CROWD)
    ]
    for _, writer in connections:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    ended = asyncio.gather(*(ends(reader) for reader, _ in connections))
    before = len(caplog.records)
    served = 0
    while not ended.done():
        served += sum(await asyncio.gather(*map(works, services)))
        await asyncio.sleep(0.2)
    assert all(await ended)
    assert served >= 3, "they answered meanwhile"
    assert len(caplog.records) - before < 50
    for _, writer in connections:
        writer.close()


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes the connection within 30 s: the limit of headers is 10."""
    with suppress(ConnectionError):
        return (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 408")
    return True


async def works(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.HTTPError):
        return (await client.get("/healthz")).status_code == 200
    return False
