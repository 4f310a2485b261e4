"""One process of a load: its share of the edges and of the viewers, in one event loop."""

import asyncio
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from davy.adapters.tls import Tls, TlsSettings
from davy.streams.tasks import end
from davy_bench.load.clock import Measurement
from davy_bench.load.edge import LoadEdge, wait_for_all
from davy_bench.load.figures import Figures
from davy_bench.load.pictures import Pictures
from davy_bench.load.plan import LoadPlan, Share, Target
from davy_bench.load.viewer import LoadViewer

CONNECT_S, DRAIN_S = 30.0, 1.0
GOLDEN: Final = 0.6180339887  # its multiples spread evenly: edges do not send at one instant
VIEWER: Final = "viewer"  # folder of the viewers' identity


def work(pipe: Connection, share: Share, plan: LoadPlan, target: Target, pictures: Pictures) -> None:
    """Run a share; entry point of a process.

    It sends the number of connected edges, receives the measurement's start and end, and sends its figures.
    """
    asyncio.run(_work(pipe, share, plan, target, pictures))


async def _work(pipe: Connection, share: Share, plan: LoadPlan, target: Target, pictures: Pictures) -> None:
    figures, measurement = Figures(), Measurement()
    edges = [
        LoadEdge(
            plan.addresses(name),
            plan.fps,
            number * GOLDEN % 1,
            pictures,
            _rotated(target.grpc, number),
            _identity(target.identities, name),
            figures,
            measurement,
            video=plan.video,
            events_s=plan.events / plan.edges,
        )
        for number, name in share.edges
    ]
    tls = _identity(target.identities, VIEWER) if share.viewers else None
    viewers = [LoadViewer(number, plan, target, tls, figures, measurement) for number in share.viewers]
    parts: list[LoadEdge | LoadViewer] = [*edges, *viewers]
    tasks = [asyncio.create_task(each.run(), name="load.part") for each in parts]
    try:
        pipe.send(await wait_for_all(edges, CONNECT_S))
        measurement.start_s, measurement.end_s = await asyncio.to_thread(pipe.recv)
        await measurement.wait(measurement.start_s)
        cpu_s, began_s = time.process_time(), time.monotonic()
        await measurement.wait(measurement.end_s)
        figures.cpu_s = [time.process_time() - cpu_s]
        figures.span_s = time.monotonic() - began_s
        await asyncio.sleep(DRAIN_S)  # the last credits
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await end(*tasks)
    pipe.send(figures)


def _rotated(endpoints: tuple[str, ...], number: int) -> tuple[str, ...]:
    start = number % len(endpoints)
    return (*endpoints[start:], *endpoints[:start])


def _identity(folder: Path | None, name: str) -> Tls | None:
    return Tls.of(TlsSettings(folder=folder / name)) if folder is not None else None
