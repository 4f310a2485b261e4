"""The enhancement service as a process would run it, over real sockets, in the test's own event loop."""

import asyncio
import contextlib
import functools
import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from prometheus_client import CollectorRegistry

from davy.site import SiteConfig
from davy_enhancer.app import Addresses, serve
from davy_enhancer.settings import EnhancerSettings


@dataclass
class Service:
    http: httpx.AsyncClient
    addresses: Addresses
    registry: CollectorRegistry

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0


StartService = Callable[..., AbstractAsyncContextManager[Service]]


@asynccontextmanager
async def running(folder: Path, site: SiteConfig | None = None, **settings: object) -> AsyncIterator[Service]:
    ready: asyncio.Future[Addresses] = asyncio.get_running_loop().create_future()
    registry = CollectorRegistry()
    defaults = {"port": 0, "grpc_port": 0, "access": "open", "threads": 2, "data": folder, "deadline_s": 30.0}
    chosen = EnhancerSettings(**(defaults | settings))
    task = asyncio.create_task(serve(chosen, registry, site, ready.set_result))
    try:
        await asyncio.wait({task, asyncio.ensure_future(ready)}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        addresses = ready.result()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{addresses.http_port}", timeout=30, verify=False) as http:
            yield Service(http, addresses, registry)
    finally:
        ready.cancel()
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def start_service(tmp_path: Path) -> StartService:
    return functools.partial(running, tmp_path / "data")


@pytest.fixture
async def service(start_service: StartService) -> AsyncIterator[Service]:
    async with start_service() as service:
        yield service


def file_of(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def dark() -> Image.Image:
    """A dark picture, 320x240, brighter to the right."""
    ramp = np.linspace(2, 60, 320).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(ramp[None, :, None], (240, 320, 3)).copy())


@pytest.fixture
def dark_jpeg(dark: Image.Image) -> bytes:
    return file_of(dark, "JPEG")


@pytest.fixture
def save() -> Callable[..., bytes]:
    return file_of
