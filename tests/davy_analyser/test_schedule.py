import asyncio
from dataclasses import replace

import pytest

from davy.domain.age import Age
from davy.domain.camera import CameraAddress
from davy.domain.drops import DropReason
from davy.domain.frame import EncodedFrame
from davy_analyser.schedule import LookSchedule

A, B, C = (CameraAddress("mine", "north", name) for name in "abc")


def frame(camera: CameraAddress, seq: int = 1, age_s: float = 0.0) -> EncodedFrame:
    return EncodedFrame(camera, "boot", seq, 0, 320, 240, b"\xff\xd8", age=Age(age_s))


@pytest.fixture
def dropped() -> list[DropReason]:
    return []


def schedule(dropped: list[DropReason], period_s: float = 0.0) -> LookSchedule:
    made = LookSchedule(period_s, 2.0, dropped.append)
    made.assign([A, B, C])
    return made


async def take(schedule: LookSchedule) -> EncodedFrame:
    async with asyncio.timeout(1):
        found = await schedule.take()
    schedule.done(found.camera)
    return found


async def test_the_camera_that_was_looked_at_longest_ago_comes_first(dropped):
    looks = schedule(dropped)
    for camera in (A, B, C):
        looks.put(frame(camera))
        assert (await take(looks)).camera == camera
    for camera in (C, B, A):
        looks.put(frame(camera, 2))
    assert [(await take(looks)).camera for _ in range(3)] == [A, B, C]


async def test_the_newest_picture_alone_is_looked_at(dropped):
    looks = schedule(dropped)
    looks.put(frame(A, 1))
    looks.put(frame(A, 2))
    assert (await take(looks)).seq == 2
    assert dropped == [DropReason.SUPERSEDED]


async def test_a_picture_that_is_too_old_is_dropped(dropped):
    looks = schedule(dropped)
    looks.put(frame(A, age_s=3.0))
    looks.put(frame(B))
    assert (await take(looks)).camera == B
    assert dropped == [DropReason.TOO_OLD]


async def test_a_camera_is_looked_at_by_one_task_at_a_time(dropped):
    looks = schedule(dropped)
    looks.put(frame(A))
    await looks.take()
    looks.put(frame(A, 2))
    waiting = asyncio.create_task(looks.take())
    await asyncio.sleep(0.02)
    assert not waiting.done()
    looks.done(A)
    assert (await waiting).seq == 2


async def test_a_camera_keeps_to_its_rate(dropped):
    looks, loop = schedule(dropped, period_s=0.1), asyncio.get_running_loop()
    times = []
    for seq in range(4):
        looks.put(frame(A, seq + 1))
        await take(looks)
        times.append(loop.time())
    assert times[3] - times[0] >= 0.24


async def test_cameras_of_others_are_ignored_and_forgotten(dropped):
    looks = schedule(dropped)
    looks.put(frame(A))
    looks.assign([B])
    looks.put(frame(replace(A, camera="other")))
    looks.put(frame(B))
    assert (await take(looks)).camera == B


async def test_a_picture_is_looked_at_once_when_a_subscription_begins_with_it_again(dropped):
    looks = schedule(dropped)
    looks.put(frame(A, 7))
    await take(looks)
    looks.put(frame(A, 7))
    looks.put(frame(A, 8))
    assert (await take(looks)).seq == 8
    assert dropped == []
