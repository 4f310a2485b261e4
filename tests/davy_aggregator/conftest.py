"""An aggregator in the test's own event loop, over real sockets, and an edge that pushes to it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from davy.adapters.media import jpeg
from davy.analysis.settings import AnalysisSettings
from davy.domain.alarm_targets import AlarmsConfig
from davy.site import SiteConfig
from davy.v1 import frame_pb2, ingest_pb2, ingest_pb2_grpc
from davy_aggregator import app, leadership
from davy_aggregator.app import serve
from davy_aggregator.settings import AggregatorSettings

# The tests wait for an aggregator to lead and to look at its broker; a beat stays shorter than what is listened for.
app.HEALTH_EVERY_S, leadership.BEAT_S, leadership.LISTEN_S = 0.1, 0.2, 0.3

NOBODY = "127.0.0.1:9"  # the discard port: connections are refused


@dataclass
class Running:
    """A running aggregator."""

    http: str
    channel: grpc.aio.Channel
    client: httpx.AsyncClient
    registry: CollectorRegistry
    grpc_port: int

    @property
    def ingest(self) -> "ingest_pb2_grpc.IngestServiceAsyncStub":
        return ingest_pb2_grpc.IngestServiceStub(self.channel)

    @property
    def frames(self) -> "ingest_pb2_grpc.FrameServiceAsyncStub":
        return ingest_pb2_grpc.FrameServiceStub(self.channel)

    async def get(self, path: str, **options) -> httpx.Response:
        return await self.client.get(path, **options)


def make_site(broker: str = f"mqtt://{NOBODY}", store: str = f"redis://{NOBODY}/0", **edges) -> SiteConfig:
    """Edge north with cameras face and belt; edge thin with camera cam, whose frames come over MQTT."""
    camera = {"source": "mine://face"}
    default = {
        "north": {"cameras": {"face": camera | {"label": "Coal face"}, "belt": camera}},
        "thin": {"enhance": "pool", "cameras": {"cam": camera}},
    }
    return SiteConfig(site="mine", broker=broker, cache=store, edges=edges or default)


def with_rules(site: SiteConfig, rules: dict | None = None, **alarms) -> SiteConfig:
    """The site with alarm rules, `{"lens-blocked": {"on_delay_s": 0}}`, and the other values of `alarms:`."""
    return site.model_copy(update={"alarms": AlarmsConfig.model_validate({"rules": rules or {}, **alarms})})


def make_settings(data: Path, **changes) -> AggregatorSettings:
    defaults = {"port": 0, "grpc_port": 0, "access": "open", "data": data, "analysis": AnalysisSettings(enabled=False)}
    return AggregatorSettings(**defaults | changes)


@asynccontextmanager
async def running(settings: AggregatorSettings, site: SiteConfig) -> AsyncIterator[Running]:
    registry, ready = CollectorRegistry(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(settings, site, registry, ready.set_result))
    await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    ports = ready.result()
    try:
        url = f"http://127.0.0.1:{ports.http}"
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{ports.grpc}") as channel,
            httpx.AsyncClient(base_url=url, verify=False) as client,
        ):
            yield Running(url, channel, client, registry, ports.grpc)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def aggregator(tmp_path: Path) -> AsyncIterator[Running]:
    """An aggregator without broker, store and analysis."""
    async with running(make_settings(tmp_path), make_site()) as found:
        yield found


def picture(shade: int = 90, size: tuple[int, int] = (320, 180), at: float = 0.5) -> bytes:
    """A JPEG: a bright disc on a textured ground, at a place from 0 (left) to 1."""
    width, height = size
    rows, columns = np.mgrid[:height, :width]
    ground = shade + 30 * np.sin(columns / 9) * np.cos(rows / 7)
    disc = (columns - at * width) ** 2 + (rows - height / 2) ** 2 < (height / 5) ** 2
    gray = np.where(disc, 240, ground).clip(0, 255).astype(np.uint8)
    return jpeg.encode(np.ascontiguousarray(np.repeat(gray[:, :, None], 3, 2)))


PICTURE, RAW = picture(), picture(20)


def envelope(seq: int, camera: str = "north/face", age_s: float = 0.0, **changes) -> frame_pb2.FrameEnvelope:
    edge, name = camera.split("/")
    meta = {
        "site": "mine",
        "edge": edge,
        "camera": name,
        "boot_id": "b1",
        "seq": seq,
        "captured_ns": time.time_ns() - int(age_s * 1e9),
        "width": 320,
        "height": 180,
        "model": "ispcnn-test",
        "strength": 1.0,
    }
    pictures = {name: changes.pop(name) for name in ("jpeg", "raw_jpeg") if name in changes}
    meta |= changes
    return frame_pb2.FrameEnvelope(meta=frame_pb2.FrameMeta(**meta), **{"jpeg": PICTURE, "raw_jpeg": RAW} | pictures)


async def push(aggregator: Running, *envelopes: frame_pb2.FrameEnvelope) -> list:
    """Push frames over one stream; returns the credits, the window first."""
    call = aggregator.ingest.PushFrames(ingest_pb2.PushFramesRequest(frame=each) for each in envelopes)
    return [credit async for credit in call]


async def until(condition: Callable, timeout_s: float = 5.0):
    """Wait until a condition (plain or awaitable) holds; returns its value."""
    async with asyncio.timeout(timeout_s):
        while True:
            value = condition()
            value = await value if asyncio.iscoroutine(value) else value
            if value:
                return value
            await asyncio.sleep(0.02)
