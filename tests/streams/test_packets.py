"""What leaves a queue of video can always be decoded."""

import asyncio

import pytest

from davy.domain.camera import CameraAddress
from davy.domain.video import VideoPacket
from davy.streams.packets import PacketQueue

CAMERA = CameraAddress("mine", "edge-1", "cam-1")


def packet(seq: int, key: bool = False, boot: str = "b1", size: int = 10) -> VideoPacket:
    return VideoPacket(CAMERA, "enhanced", boot, seq, seq * 100_000_000, key, 64, 64, b"x" * size)


def taken(queue: PacketQueue) -> list[int]:
    return [asyncio.run(queue.take()).seq for _ in range(len(queue))]


def test_the_first_packet_out_is_a_key_frame():
    queue = PacketQueue()
    assert [queue.put(packet(seq, key=seq == 3)) for seq in range(1, 6)] == [False, False, True, True, True]
    assert taken(queue) == [3, 4, 5]


@pytest.mark.parametrize("broken", [packet(4), packet(3, boot="b2")], ids=["a gap", "another boot"])
def test_after_a_gap_it_waits_for_a_key_frame(broken):
    queue = PacketQueue()
    assert queue.put(packet(1, key=True)) and queue.put(packet(2))
    assert not queue.put(broken) and queue.needs_key
    assert not queue.put(packet(5)) and queue.put(packet(6, key=True))
    assert taken(queue) == [1, 2, 6]


@pytest.mark.parametrize("bounds", [{"max_bytes": 30}, {"max_s": 0.25}], ids=["bytes", "time"])
def test_a_slow_consumer_jumps_to_a_key_frame(bounds):
    queue = PacketQueue(**bounds)
    for seq in (1, 2, 3, 4, 5):
        queue.put(packet(seq, key=seq == 1))
    assert not len(queue) and queue.needs_key and queue.dropped == 5
    queue.put(packet(6, key=True))
    assert taken(queue) == [6]


def test_a_key_frame_that_finds_the_queue_full_replaces_what_waits():
    queue = PacketQueue(max_bytes=30)
    for seq in (1, 2, 3):
        queue.put(packet(seq, key=seq == 1))
    assert queue.put(packet(4, key=True))
    assert taken(queue) == [4] and queue.dropped == 3


def test_who_waits_gets_the_next_packet():
    async def scenario() -> int:
        queue = PacketQueue()
        waiting = asyncio.create_task(queue.take())
        await asyncio.sleep(0)
        queue.put(packet(1, key=True))
        return (await waiting).seq

    assert asyncio.run(scenario()) == 1
