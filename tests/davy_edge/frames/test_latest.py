import asyncio
import threading

from davy_edge.frames.latest import LatestByKey, LatestSlot


def test_the_newest_displaces_the_older():
    mailbox = LatestSlot[str]()
    assert mailbox.put("old") is None
    assert mailbox.put("new") == "old"
    assert mailbox.take() == "new"
    assert mailbox.take() is None


def test_wait_ends_when_an_item_comes():
    mailbox = LatestSlot[str]()
    threading.Timer(0.05, mailbox.put, ["late"]).start()
    assert mailbox.wait()


def test_close_ends_a_wait_and_gives_back_what_waited():
    mailbox = LatestSlot[str]()
    mailbox.put("waiting")
    assert mailbox.close() == "waiting"
    assert not mailbox.wait()
    assert mailbox.put("late") == "late"


async def test_cameras_are_served_in_the_order_in_which_they_began_to_wait():
    slots = LatestByKey[int]()
    slots.put("a", 1)
    slots.put("b", 2)
    assert slots.put("a", 3) == 1
    assert [await slots.take(), await slots.take()] == [("a", 3), ("b", 2)]


async def test_a_camera_that_may_not_be_served_waits_while_another_is():
    slots, allowed = LatestByKey[int](), {"b"}
    slots.put("a", 1)
    slots.put("b", 2)
    assert await slots.take(allowed.__contains__) == ("b", 2)
    waiting = asyncio.create_task(slots.take(allowed.__contains__))
    await asyncio.sleep(0.02)
    assert not waiting.done()
    allowed.add("a")
    slots.wake()
    assert await waiting == ("a", 1)


async def test_clear_gives_back_everything():
    slots = LatestByKey[int]()
    slots.put("a", 1)
    assert slots.clear() == [("a", 1)]
    assert slots.clear() == []
