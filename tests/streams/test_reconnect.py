import asyncio

import pytest

from davy.streams.reconnect import Backoff, keep_connected, retry

QUICK = Backoff(0.001, 0.002)


def test_a_wait_is_random_between_the_shortest_and_a_growing_bound():
    backoff = Backoff(0.5, 10, growth=2)
    for failures, bound_s in ((1, 0.5), (2, 1), (4, 4), (5, 8), (6, 10), (100_000, 10)):
        waits = [backoff.wait_s(failures) for _ in range(300)]
        assert min(waits) >= 0.5
        assert max(waits) <= bound_s
        assert max(waits) - min(waits) >= 0.7 * (bound_s - 0.5)


async def test_an_attempt_is_repeated_until_it_succeeds():
    failures, told = [OSError("a"), OSError("b")], []

    async def attempt() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert await retry(attempt, OSError, QUICK, lambda error, wait_s, count: told.append((str(error), count))) == "done"
    assert told == [("a", 1), ("b", 2)]


async def test_another_error_is_not_retried():
    async def attempt() -> None:
        raise ValueError

    with pytest.raises(ValueError):
        await retry(attempt, OSError, QUICK)


async def test_patience_ends():
    async def attempt() -> None:
        raise OSError("away")

    async with asyncio.timeout(5):
        with pytest.raises(OSError, match="away"):
            await retry(attempt, OSError, QUICK, patience_s=0.02)


async def test_a_useful_session_starts_the_backoff_anew():
    sessions, counts, done = iter([OSError(), OSError(), None, OSError()]), [], asyncio.Event()

    async def session() -> None:
        try:
            error = next(sessions)
        except StopIteration:
            done.set()
            await asyncio.Event().wait()
        if error is not None:
            raise error

    running = asyncio.create_task(
        keep_connected(session, OSError, QUICK, lambda error, wait_s, count: counts.append(count), pause_s=0)
    )
    async with asyncio.timeout(5):
        await done.wait()
    running.cancel()
    await asyncio.wait({running})
    assert counts == [1, 2, 1]
