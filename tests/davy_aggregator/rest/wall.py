"""A site of many cameras whose frames keep coming, for tests of the wall."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.davy_aggregator.conftest import Running, envelope, make_settings, make_site, picture, running

from davy.v1.ingest_pb2 import Event, PushFramesRequest, ReportEventsRequest

PER_EDGE = 8


def cameras_of(count: int) -> list[str]:
    return [f"edge-{number // PER_EDGE + 1}/cam-{number + 1}" for number in range(count)]


def edges_of(count: int) -> dict:
    edges: dict = {}
    for address in cameras_of(count):
        edge, name = address.split("/")
        found = edges.setdefault(edge, {"district": f"panel-{len(edges) // 2 + 1}", "cameras": {}})
        found["cameras"][name] = {"source": "simulator://face", "label": f"Camera {name[4:]}"}
    return edges


@asynccontextmanager
async def wall_of(count: int, folder, fps: float = 0, size=(640, 360), **settings) -> AsyncIterator[Running]:
    """An aggregator with cameras; fps 0 sends no frames."""
    limits = {"max_streams": 64} | settings
    async with running(make_settings(folder, **limits), make_site(**edges_of(count))) as aggregator:
        by_edge = [[f"{edge}/{name}" for name in config["cameras"]] for edge, config in edges_of(count).items()]
        pushing = [asyncio.create_task(push_frames(aggregator, names, fps, size)) for names in by_edge] if fps else []

        async def stop_pushing() -> None:
            for task in pushing:
                task.cancel()
            await asyncio.gather(*pushing, return_exceptions=True)

        aggregator.stop_pushing = stop_pushing
        yield aggregator
        await stop_pushing()


async def push_frames(aggregator: Running, cameras: list[str], fps: float, size: tuple[int, int], pictures=None) -> None:
    """Push pairs of enhanced and raw pictures, until cancelled. Without any, a disc wanders."""
    pictures = pictures or [(picture(110, size, n / 10), picture(25, size, n / 10)) for n in range(10)]
    began_s = time.monotonic()
    call = aggregator.ingest.PushFrames()
    await call.read()
    for seq in range(1, 1_000_000):
        for place, camera in enumerate(cameras):
            enhanced, raw = pictures[(seq + place) % len(pictures)]
            frame = envelope(seq, camera, jpeg=enhanced, raw_jpeg=raw, width=size[0], height=size[1])
            await call.write(PushFramesRequest(frame=frame))
            await call.read()
        await asyncio.sleep(max(0.0, began_s + seq / fps - time.monotonic()))


async def report_event(aggregator: Running, message: str) -> None:
    now = time.time_ns()
    event = Event(site="mine", edge="edge-1", boot_id="b", seq=now, occurred_ns=now, severity=2, kind="fan", message=message)
    _ = [ack async for ack in aggregator.ingest.ReportEvents(iter([ReportEventsRequest(event=event)]))]
