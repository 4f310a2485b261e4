"""Recordings over kill -9 of the edge and of the aggregator, with the real programs."""

import asyncio
import random
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import av
import pytest
from tests.conftest import pick_port
from tests.davy_aggregator.conftest import NOBODY, until
from tests.faults.programs import program

from davy.domain.recording import SEGMENT_S, Segment
from davy.site import SiteConfig

pytestmark = pytest.mark.system
S = 1_000_000_000
TWENTY = (("edge", 20), ("aggregator", 20))


def segments(folder: Path) -> list[Segment]:
    """The finished segments of a folder, by time."""
    found = [Segment.parse(str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*.mp4")]
    return sorted(found, key=lambda segment: (segment.start_ns, segment.first_seq))


def lacking(held: list[Segment], wanted: list[Segment]) -> list[Segment]:
    """The wanted segments of which a packet is not held."""
    packets = set().union(*map(packets_of, held))
    return [each for each in wanted if not packets_of(each) <= packets]


def packets_of(segment: Segment) -> set[tuple[str, int]]:
    return {(segment.boot_id, seq) for seq in range(segment.first_seq, segment.last_seq + 1)}


def check_readable(folder: Path) -> None:
    for segment in segments(folder):
        with av.open(folder / segment.path) as container:
            assert sum(1 for _ in container.decode(video=0)) == segment.last_seq - segment.first_seq + 1, segment.path
    assert not list(folder.rglob("*.damaged"))


def site(pictures: str, grpc_port: int) -> SiteConfig:
    record = {"mode": "continuous", "ring_hours": 1}
    camera = {"source": pictures, "fps": 5, "width": 160, "height": 120, "record": record}
    endpoints = {"broker": f"mqtt://{NOBODY}", "cache": f"redis://{NOBODY}/0", "aggregator": f"grpc://127.0.0.1:{grpc_port}"}
    return SiteConfig.model_validate({"site": "mine", "edges": {"north": {"cameras": {"face": camera}}}, **endpoints})


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("victim", "kills"),
    [("edge", 1), *(pytest.param(victim, kills, marks=pytest.mark.slow) for victim, kills in (("aggregator", 1), *TWENTY))],
)
async def test_p11_kill_9_leaves_every_recording_readable_and_the_gap_is_filled(tmp_path, pictures, victim, kills):
    """The edge loses less than a segment per kill; what the aggregator misses comes from the edge's ring."""
    chance, killed_ns, grpc_port = random.Random(kills), [], pick_port()
    mine = site(pictures, grpc_port)
    ring, recordings = tmp_path / "edge" / "mine" / "north" / "recordings", tmp_path / "aggregator" / "recordings"
    ports = ("--port", str(pick_port()), "--grpc-port", str(grpc_port))
    with ExitStack() as stack:
        aggregator = stack.enter_context(program(tmp_path, mine, "aggregator", *ports))
        edge = stack.enter_context(program(tmp_path, mine, "edge"))
        target = {"edge": edge, "aggregator": aggregator}[victim]
        await until(lambda: list(recordings.rglob("*.part")), 60)  # live video is recorded
        for turn in range(kills):
            parts = set(ring.rglob("*.part"))
            await asyncio.sleep(chance.uniform(1, 3) if kills == 1 else chance.uniform(3, 8))
            target.kill()
            killed_ns.append(time.time_ns())
            target.start()
            if victim == "edge":
                await until(lambda parts=parts: set(ring.rglob("*.part")) - parts, 60)
            else:
                await asyncio.sleep(chance.uniform(0, 2))
            assert target.alive, turn
        await until(lambda: segments(ring) and segments(ring)[-1].end_ns > killed_ns[-1], 60)
        kept = segments(ring)
        await until(lambda: not lacking(segments(recordings), kept), 90)
        edge.kill()
        aggregator.kill()
    check_readable(ring)
    check_readable(recordings)
    if victim == "edge":
        for at_ns, boot in zip(killed_ns, dict.fromkeys(each.boot_id for each in kept), strict=False):
            of_boot = [each for each in kept if each.boot_id == boot]
            assert at_ns - of_boot[-1].end_ns < SEGMENT_S * S
            assert all(after.first_seq == before.last_seq + 1 for before, after in pairwise(of_boot))
