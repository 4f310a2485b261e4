"""Two aggregators on one PostgreSQL and one broker, an edge's own transport that loads them, and what is counted."""

import asyncio
import re
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry
from tests.conftest import Mosquitto, pick_port, wait_for_port
from tests.davy_aggregator.conftest import PICTURE, make_site, until, with_rules
from tests.faults.programs import Program, program
from tests.fixtures.postgres import Postgres

from davy.adapters import mqtt
from davy.adapters.grpc import ingest_client
from davy.adapters.grpc.route import Route
from davy.adapters.storage.spool import Spool
from davy.domain.age import Age
from davy.domain.camera import CameraAddress
from davy.domain.frame import EncodedFrame
from davy.domain.ports import Bus
from davy.domain.topics import EdgeTopics
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameTimings, labels_of_edge
from davy.twin.configuration import DesiredConfig
from davy_edge.transport.events import Events
from davy_edge.transport.grpc_plane import GrpcPlane

ROOT = Path(__file__).parents[2]
NORTH = EdgeTopics("mine", "north")
FACE = CameraAddress("mine", "north", "face")
START_S = 180.0  # of a machine that runs everything at once
QUIET = {
    kind: {"enabled": False} for kind in ("service-degraded", "camera-offline", "camera-stale", "edge-offline", "disk-low")
}


@dataclass
class Aggregator:
    """One of the two programs."""

    name: str
    program: Program
    http: httpx.AsyncClient

    async def leads(self) -> bool:
        """Whether it says so in its metrics."""
        try:
            text = (await self.http.get("/metrics", timeout=1)).text
        except httpx.TransportError:
            return False
        return re.search(r"^davy_aggregator_leads 1", text, re.MULTILINE) is not None

    async def answers(self) -> bool:
        """Whether it serves."""
        try:
            return (await self.http.get("/healthz", timeout=1)).status_code == 200
        except httpx.TransportError:
            return False


class CountingPlane(GrpcPlane):
    """A live plane that notes when frames are delivered."""

    def __init__(self) -> None:
        self.times_s: list[float] = []
        accounting = FrameAccounting(["face"])
        super().__init__(accounting, FrameTimings(labels_of_edge("north"), CollectorRegistry()))
        self.accounting = accounting

    def delivered(self, frame: EncodedFrame, before_s: float = 0.0) -> None:
        self.times_s.append(time.monotonic())
        super().delivered(frame, before_s)


@dataclass
class Load:
    """What an edge and a person do all the time, and what came of it."""

    aggregators: list[Aggregator]
    plane: CountingPlane = field(default_factory=CountingPlane)
    events: int = 0
    decided: dict[int, int] = field(default_factory=dict)
    """The frame rate of each configuration that was answered with 200, by its epoch."""
    refused: int = 0
    published: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    order: list[int] = field(default_factory=list)
    tried: int = 0

    async def push(self) -> None:
        """Offer 10 frames a second."""
        seq = 0
        while True:
            seq += 1
            self.plane.accounting.capture("face")
            self.plane.accounting.enhance("face")
            age = Age(0.0, limit_s=0.5)
            self.plane.offer(EncodedFrame(FACE, "boot", seq, time.time_ns(), 320, 180, PICTURE, age=age))
            await asyncio.sleep(0.1)

    async def report(self, events: Events) -> None:
        """Record 20 events a second."""
        while True:
            self.events += 1
            events.record_event("motion", str(self.events), camera="face")
            await asyncio.sleep(0.05)

    async def decide(self, every_s: float) -> None:
        """Set another frame rate again and again, each time on the other aggregator."""
        while True:
            self.tried += 1
            fps = 1 + self.tried % 100
            aggregator = self.aggregators[self.tried % len(self.aggregators)]
            config = {"enhance": "here", "cameras": {"face": {"source": "simulator://face", "fps": fps}}}
            try:
                answer = await aggregator.http.put("/v1/edges/north/config", json={"config": config}, timeout=8)
                if answer.status_code == 200:
                    desired = answer.json()["desired"]  # its own decision, whatever followed
                    assert desired["config"]["cameras"]["face"]["fps"] == fps
                    assert desired["epoch"] not in self.decided
                    self.decided[desired["epoch"]] = fps
                else:
                    self.refused += 1
            except httpx.TransportError:
                self.refused += 1
            await asyncio.sleep(every_s)

    async def listen(self, bus: Bus) -> None:
        """Note what is published as desired."""
        async for message in bus.subscribe([NORTH.desired_config], qos=1):
            desired = DesiredConfig.parse(message.payload)
            self.published[desired.epoch].add(desired.id)
            self.order.append(desired.epoch)

    def silence_s(self, since_s: float) -> float:
        """The longest time without a delivered frame from since_s on."""
        times_s = [since_s, *(each for each in self.plane.times_s if each >= since_s), time.monotonic()]
        return max(later - earlier for earlier, later in pairwise(times_s))


@asynccontextmanager
async def loaded(
    folder: Path, postgres: Postgres, mosquitto: Mosquitto, every_s: float = 0.5, balanced: bool = False
) -> AsyncIterator[Load]:
    """Two aggregators under load, both up; the edge reaches them through HAProxy if balanced is set."""
    names, ports = ("first", "second"), [(pick_port(), pick_port()) for _ in range(2)]
    endpoints = tuple(f"grpc://127.0.0.1:{grpc_port}" for _, grpc_port in ports)
    site = with_rules(make_site(mosquitto.endpoint), QUIET)
    database = postgres.database()
    async with AsyncExitStack() as stack:
        aggregators = []
        for name, (port, grpc_port) in zip(names, ports, strict=True):
            (folder / name).mkdir()
            variables = {"DAVY_AGGREGATOR_DATABASE": database, "DAVY_AGGREGATOR_NAME": name}
            words = ("aggregator", "--port", str(port), "--grpc-port", str(grpc_port))
            started = stack.enter_context(program(folder / name, site, *words, variables=variables))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}"))
            aggregators.append(Aggregator(name, started, client))
        load = Load(aggregators)
        for aggregator in aggregators:
            await until(aggregator.answers, START_S)
        if balanced:
            endpoints = (f"grpc://127.0.0.1:{stack.enter_context(haproxy(folder, ports))}",)
        spool = Spool(folder / "spool.db", "boot", 16_000_000)
        stack.callback(spool.close)
        events, route = Events(NORTH, spool), Route(endpoints, "north", fails_over=True)
        client = await stack.enter_async_context(ingest_client.connect(route))
        bus = await stack.enter_async_context(mqtt.connect(mosquitto.endpoint, "listener"))
        listening = asyncio.create_task(load.listen(bus))
        sending = [asyncio.create_task(work) for work in (events.keep(), events.report(client), load.plane.run(client))]
        making = [asyncio.create_task(work) for work in (load.push(), load.report(events), load.decide(every_s))]
        try:
            await until(lambda: load.plane.times_s and load.decided and spool.waiting < 20, START_S)
            yield load
            await end(*making)
            await events.flush()
            await until(lambda: spool.waiting == 0, START_S)
            await check_all(load)
        finally:
            await end(*making, *sending, listening)


@contextmanager
def haproxy(folder: Path, ports: list[tuple[int, int]]) -> Iterator[int]:
    """HAProxy with the shipped configuration before two aggregators; yields its gRPC port."""
    program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("HAProxy is not installed: apt-get install haproxy")
    text, (http, grpc) = (ROOT / "infra" / "haproxy" / "haproxy.cfg").read_text(), (pick_port(), pick_port())
    for name, (port, grpc_port) in zip("ab", ports, strict=True):
        text = text.replace(f"{name}.mine:8080", f"127.0.0.1:{port}").replace(f"{name}.mine:50051", f"127.0.0.1:{grpc_port}")
        text = re.sub(rf"(server {name} 127.0.0.1:{grpc_port} check port) 8080", rf"\g<1> {port}", text)
    text = text.replace("bind :8080", f"bind 127.0.0.1:{http}").replace("bind :50051", f"bind 127.0.0.1:{grpc}")
    (folder / "haproxy.cfg").write_text(text)
    process = subprocess.Popen([program, "-f", str(folder / "haproxy.cfg")], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(grpc)
        yield grpc
    finally:
        process.kill()
        process.wait()


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel tasks; raise what one of them failed with."""
    for task in tasks:
        task.cancel()
    for found in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(found, Exception):
            raise found


async def leader_of(load: Load, timeout_s: float = START_S) -> Aggregator:
    """Wait for the one that leads."""

    async def found() -> Aggregator | None:
        for each in load.aggregators:
            if each.program.alive and await each.leads():
                return each
        return None

    return await until(found, timeout_s)


async def check_all(load: Load) -> None:
    """Check that every event is stored once, and that no epoch is skipped, repeated or published with two contents."""
    client, stored, cursor = (await leader_of(load)).http, [], None
    while True:
        query = {"kind": "motion", "limit": 1000} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/events", params=query, timeout=30)).json()
        stored += [int(each["message"]) for each in page["events"]]
        cursor = page.get("cursor")
        if cursor is None:
            break
    assert sorted(stored) == list(range(1, load.events + 1))
    history = (await client.get("/v1/edges/north/config/history")).json()["history"]
    epochs = [each["epoch"] for each in history]
    assert epochs == list(range(epochs[0], epochs[-1] - 1, -1))
    found = {each["epoch"]: each["config"]["cameras"]["face"]["fps"] for each in history}
    told = {epoch: fps for epoch, fps in load.decided.items() if epoch in found}
    assert told.items() <= found.items()
    assert all(len(ids) == 1 for ids in load.published.values())
    assert len(load.decided) <= epochs[0] <= load.tried
