import asyncio

import pytest

from davy.streams import tasks
from davy.streams.tasks import end, until_first_ends


async def forever(log: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        log.append("ended")


async def fail() -> None:
    await asyncio.sleep(0)
    raise ConnectionError("lost")


async def test_what_the_first_raised_is_raised_and_the_others_are_ended():
    log: list[str] = []
    with pytest.raises(ConnectionError, match="lost"):
        await until_first_ends("test", a=forever(log), b=fail(), c=forever(log))
    assert log == ["ended", "ended"]


async def test_a_failure_leaves_no_mark_of_cancellation():
    async def holder() -> int:
        with pytest.raises(ConnectionError):
            await until_first_ends("test", a=fail())
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    assert await asyncio.create_task(holder()) == 0


@pytest.mark.parametrize("steps", range(6))
async def test_a_cancellation_is_never_lost_whenever_it_comes(steps):
    async def reconnect() -> None:
        while True:
            try:
                await until_first_ends("test", a=fail(), b=forever([]))
            except ConnectionError:
                continue

    task = asyncio.create_task(reconnect())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task}, timeout=1)
    assert task.cancelled()


async def test_a_task_that_loses_its_first_cancellation_is_ended_all_the_same(monkeypatch):
    monkeypatch.setattr(tasks, "RETRY_CANCEL_S", 0.05)

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    await asyncio.wait_for(end(task), timeout=5)
    assert task.cancelled()
