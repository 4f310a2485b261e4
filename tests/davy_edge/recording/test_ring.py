"""The ring: packets of an edge on its disk, by rule."""

import asyncio
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import av
from tests.fixtures.recorded_video import packets

from davy.adapters.recording.folder import SegmentFolder
from davy.domain.record_rule import RecordRule
from davy_edge.recording.ring import Ring

KEPT = RecordRule(ring_hours=24)


@asynccontextmanager
async def ring_of(root: Path, rule: RecordRule | None = KEPT, events: list | None = None):
    ring = Ring(SegmentFolder(root, 10**9), lambda _: rule, lambda *event: (events or []).append(event))
    task = asyncio.create_task(ring.run())
    try:
        yield ring
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def until(condition, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  # of a thread
            await asyncio.sleep(0.01)


async def test_offered_packets_become_segments_on_the_disk(tmp_path):
    async with ring_of(tmp_path / "ring") as ring:
        for packet in packets(130):
            ring.offer(packet)
        await until(lambda: ring.folder.segments())
    first, second = sorted((tmp_path / "ring").rglob("*.mp4"))  # the open one ends with the edge
    with av.open(first) as container:
        assert sum(1 for _ in container.decode(video=0)) == 100
    with av.open(second) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


async def test_only_the_variants_of_the_rule_are_kept(tmp_path):
    async with ring_of(tmp_path / "ring") as ring:
        assert ring.wants("face") == {"enhanced"}
        for packet in packets(20, variant="raw"):
            ring.offer(packet)
        await asyncio.sleep(0)
        assert not ring.folder.root.exists()


async def test_without_ring_hours_nothing_is_wanted_and_no_folder_is_made(tmp_path):
    async with ring_of(tmp_path / "ring", RecordRule()) as ring:
        assert ring.wants("face") == frozenset()
        for packet in packets(20):
            ring.offer(packet)
        await asyncio.sleep(0)
    assert not (tmp_path / "ring").exists()


async def test_a_restarted_ring_keeps_what_it_had_and_says_what_was_damaged(tmp_path):
    async with ring_of(tmp_path / "ring") as ring:
        for packet in packets(50):
            ring.offer(packet)
        await until(ring.loaded.is_set)
    (tmp_path / "ring" / "x.mp4").write_bytes(b"x")
    events: list = [None]
    async with ring_of(tmp_path / "ring", events=events) as ring:
        await until(ring.loaded.is_set)
        assert len(ring.folder.segments()) == 1
    assert [event[0] for event in events[1:]] == ["file-set-aside"]


async def test_followers_hear_of_finished_segments(tmp_path):
    async with ring_of(tmp_path / "ring") as ring:
        with ring.follow() as finished:
            for packet in packets(120):
                ring.offer(packet)
            async with asyncio.timeout(10):
                segment = await finished.get()
    assert (segment.first_seq, segment.last_seq) == (1, 100)
