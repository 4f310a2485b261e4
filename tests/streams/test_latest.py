import asyncio
import threading

from davy.streams.latest import LatestByKey, LatestSlot


def test_the_newest_displaces_the_older():
    slot = LatestSlot[str]()
    assert slot.put("old") is None
    assert slot.put("new") == "old"
    assert slot.take() == "new"
    assert slot.take() is None


def test_wait_ends_when_an_item_comes():
    slot = LatestSlot[str]()
    threading.Timer(0.05, slot.put, ["late"]).start()
    assert slot.wait()


def test_close_ends_a_wait_and_gives_back_what_waited():
    slot = LatestSlot[str]()
    slot.put("waiting")
    assert slot.close() == "waiting"
    assert not slot.wait()
    assert slot.put("late") == "late"


async def test_cameras_are_served_in_the_order_in_which_they_began_to_wait():
    slots = LatestByKey[str, int]()
    slots.put("a", 1)
    slots.put("b", 2)
    assert slots.put("a", 3) == 1
    assert [await slots.take(), await slots.take()] == [("a", 3), ("b", 2)]


async def test_a_camera_that_may_not_be_served_waits_while_another_is():
    slots, allowed = LatestByKey[str, int](), {"b"}

    def delay(key: str) -> float | None:
        return 0.0 if key in allowed else None

    slots.put("a", 1)
    slots.put("b", 2)
    assert await slots.take(delay) == ("b", 2)
    waiting = asyncio.create_task(slots.take(delay))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    allowed.add("a")
    slots.wake()
    assert await waiting == ("a", 1)


async def test_clear_gives_back_everything():
    slots = LatestByKey[str, int]()
    slots.put("a", 1)
    assert slots.clear() == [("a", 1)]
    assert slots.clear() == []


async def test_an_item_that_is_due_later_is_served_then():
    slots = LatestByKey[str, int]()
    slots.put("a", 1)
    due_s = asyncio.get_running_loop().time() + 0.05
    async with asyncio.timeout(2):
        assert await slots.take(lambda _: due_s - asyncio.get_running_loop().time()) == ("a", 1)
    assert asyncio.get_running_loop().time() >= due_s


async def test_two_takers_share_the_items():
    slots = LatestByKey[str, int]()
    takers = [asyncio.create_task(slots.take()) for _ in range(2)]
    await asyncio.sleep(0)
    slots.put("a", 1)
    slots.put("b", 2)
    assert sorted(await asyncio.gather(*takers)) == [("a", 1), ("b", 2)]
