import asyncio
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from tests.faults.proxy import link
from tests.fixtures.edges import until
from tests.fixtures.ingest_server import Ingest, ingest_server

from davy.adapters.grpc import ingest_client
from davy.domain.age import Age
from davy.domain.camera import CameraAddress
from davy.domain.drops import DropPoint, DropReason
from davy.domain.frame import EncodedFrame
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameTimings, labels_of_edge
from davy_edge.transport.grpc_plane import GrpcPlane

pytestmark = pytest.mark.system


class Plane:
    """A plane that is fed by hand."""

    def __init__(self) -> None:
        self.accounting = FrameAccounting(["face", "gallery"])
        self.plane = GrpcPlane(self.accounting, FrameTimings(labels_of_edge("north"), CollectorRegistry()))
        self.seq = 0

    def offer(self, count: int, camera: str = "face", age_s: float = 0.0) -> None:
        for _ in range(count):
            self.seq += 1
            self.accounting.capture(camera)
            self.accounting.enhance(camera)
            source, age = CameraAddress("demo", "north", camera), Age(age_s, limit_s=0.5)
            self.plane.offer(EncodedFrame(source, "boot", self.seq, 1, 320, 240, b"\xff\xd8", age=age))

    def dropped(self, reason: DropReason, camera: str = "face") -> int:
        return self.accounting.read()[camera].dropped[DropPoint.GRPC, reason]

    @property
    def sent(self) -> int:
        return self.accounting.read()["face"].sent[DropPoint.GRPC]


@asynccontextmanager
async def pushing(endpoint: str):
    fed = Plane()
    async with ingest_client.connect(endpoint) as client:
        task = asyncio.create_task(fed.plane.run(client))
        try:
            yield fed
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_frames_are_sent_once_they_are_credited():
    async with ingest_server(Ingest()) as server, pushing(server.endpoint) as fed:
        await until(lambda: fed.plane.connected)
        for _ in range(10):
            fed.offer(1)
            await asyncio.sleep(0.02)
        await until(lambda: fed.sent == 10)
    assert [envelope.meta.seq for envelope in server.frames] == list(range(1, 11))


async def test_credits_that_come_together_count_every_frame_at_the_age_of_its_arrival():
    async with ingest_server(Ingest(together=2)) as server, pushing(server.endpoint) as fed:
        await until(lambda: fed.plane.connected)
        for sent in (2, 4):
            for number in (sent - 1, sent):
                fed.offer(1, age_s=0.2)
                await until(lambda: len(server.frames) == number)  # noqa: B023  # awaited at once
            await until(lambda: fed.sent == sent)  # noqa: B023
    ages = fed.plane._timings.recent_ages("face", DropPoint.GRPC, 60)
    assert len(ages) == 4
    assert ages[0] < 0.2  # the time that the aggregator held a credit is taken off


async def test_an_edge_lets_credits_wait_once_it_knows_that_its_window_has_room():
    async with ingest_server(Ingest(window=4)) as server, pushing(server.endpoint) as fed:
        await until(lambda: fed.plane.connected)
        for _ in range(100):
            fed.offer(1)
            await asyncio.sleep(0.05)
            if any(server.patiences_ms):
                break
    assert server.patiences_ms[0] == 0
    assert 0 < server.patiences_ms[-1] <= 150


@asynccontextmanager
async def pushing_far(latency_s: float):
    """An aggregator behind a long link, and an edge that has learned its round trip from 20 frames."""
    async with (
        ingest_server(Ingest(window=4)) as aggregator,
        link(aggregator.port, latency_s=latency_s) as far,
        pushing(f"grpc://127.0.0.1:{far.port}") as fed,
    ):
        await until(lambda: fed.plane.connected)
        for _ in range(20):
            fed.offer(1)
            await asyncio.sleep(0.05)
        yield aggregator, fed


async def test_an_edge_whose_window_is_all_under_way_wants_its_credits_at_once():
    async with pushing_far(latency_s=0.1) as (aggregator, _):
        pass
    assert set(aggregator.patiences_ms) == {0}


async def test_without_credit_the_newest_waits_and_the_older_is_dropped():
    server = Ingest(window=2, answers=False)
    async with ingest_server(server), pushing(server.endpoint) as fed:
        await until(lambda: fed.plane.connected)
        for _ in range(6):
            fed.offer(1)
            await asyncio.sleep(0.03)
        assert [envelope.meta.seq for envelope in server.frames] == [1, 2]
        assert fed.dropped(DropReason.NO_CREDIT) == 3
        assert fed.accounting.read()["face"].pending(DropPoint.GRPC) == 3  # two unanswered, one waits


async def test_a_camera_without_credit_holds_up_no_other():
    server = Ingest(window=1, answers=False)
    async with ingest_server(server), pushing(server.endpoint) as fed:
        await until(lambda: fed.plane.connected)
        fed.offer(2)
        fed.offer(1, "gallery")
        await until(lambda: len(server.frames) == 2)
        assert {envelope.meta.camera for envelope in server.frames} == {"face", "gallery"}


async def test_frames_without_an_aggregator_are_offline(free_port):
    async with pushing(f"grpc://127.0.0.1:{free_port}") as fed:
        fed.offer(5)
        assert fed.dropped(DropReason.OFFLINE) == 4


async def test_a_frame_that_grew_old_is_not_sent():
    async with ingest_server(Ingest()) as server, pushing(server.endpoint) as fed:
        await until(lambda: fed.plane.connected)
        fed.offer(1, age_s=0.6)
        await until(lambda: fed.dropped(DropReason.TOO_OLD) == 1)
        assert not server.frames


async def test_f04_a_stream_that_breaks_is_opened_again_and_its_frames_are_accounted_for():
    server = Ingest()
    async with pushing("grpc://127.0.0.1:9") as fed:
        assert not fed.plane.connected
    async with ingest_server(server):
        context = pushing(server.endpoint)
        fed = await context.__aenter__()
        await until(lambda: fed.plane.connected)
        fed.offer(1)
        await until(lambda: fed.sent == 1)
        server.answers = False
        fed.offer(1)
        await until(lambda: len(server.frames) == 2)
    await until(lambda: not fed.plane.connected)
    assert fed.dropped(DropReason.OFFLINE) == 1  # it arrived, perhaps; nobody said so
    server.answers = True
    async with ingest_server(server, server.port):
        await until(lambda: fed.plane.connected, 5)
        fed.offer(1)
        await until(lambda: fed.sent == 2)
        await context.__aexit__(None, None, None)
    account = fed.accounting.read()["face"]
    assert account.enhanced == account.sent[DropPoint.GRPC] + account.dropped_by(DropPoint.GRPC)


async def test_a_far_aggregator_gets_every_frame_of_20_a_second():
    """200 ms each way: four unanswered frames would be 10 a second."""
    async with pushing_far(latency_s=0.2) as (_, fed):
        before = fed.sent
        for _ in range(60):
            fed.offer(1)
            await asyncio.sleep(0.05)
        assert fed.sent - before > 45
        assert fed.plane._credits.window > 4
