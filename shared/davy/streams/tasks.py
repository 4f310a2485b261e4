"""Run and end coroutines together, without the defects of asyncio.TaskGroup in Python 3.11.

In 3.11 a failing TaskGroup leaves its task marked as cancelled and loses a concurrent cancellation. A reconnecting loop
around it then ends unexpectedly, or never.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")
RETRY_CANCEL_S = 4.0  # longer than every clean-up, which a second cancellation would interrupt


async def until_first_ends(name: str, **works: Coroutine[Any, Any, None]) -> None:
    """Run all works until one returns or raises, then cancel the others and re-raise its error."""
    tasks = [asyncio.create_task(work, name=f"{name}.{title}") for title, work in works.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in done:
        task.result()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait for their end; read their errors from the tasks.

    It repeats the cancellation, as Python 3.11 loses one that meets a just finished wait_for or library time-out (redis,
    aiomqtt).
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=RETRY_CANCEL_S)


async def wait_for_event(event: asyncio.Event, timeout_s: float | None) -> bool:
    """Wait for an event, at most timeout_s seconds; None: for ever. Return whether it is set."""
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()


async def run_to_completion(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without interruption; a cancellation takes effect afterwards."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
