"""A company view in the test's own loop, over real aggregators."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
from prometheus_client import CollectorRegistry

from davy_company.app import serve
from davy_company.config import CompanyConfig
from davy_company.settings import CompanySettings


@asynccontextmanager
async def company_of(sites: Mapping[str, Mapping[str, object]], folder: Path, **changes) -> AsyncIterator[httpx.AsyncClient]:
    """A company view of sites, as an HTTP client; it asks five times a second."""
    config = CompanyConfig.model_validate({"company": "north-coal", "sites": sites})
    settings = CompanySettings(**{"port": 0, "access": "open", "every_s": 0.2, "config": folder / "company.yaml"} | changes)
    port = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, config, CollectorRegistry(), port.set_result))
    await asyncio.wait([task, port], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port.result()}", verify=False) as client:
            yield client
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
