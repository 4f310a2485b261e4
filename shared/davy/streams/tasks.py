"""Coroutines that run and end together, without the defects of asyncio.TaskGroup in Python 3.11.

There a TaskGroup that fails leaves the task that holds it marked as cancelled, and swallows a real cancellation that comes at
the same moment: a reconnecting loop around one then ends by itself, or never.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
ASK_AGAIN_S = 4.0  # longer than any clean-up here takes: asking again would cut it short


async def until_first_ends(name: str, **works: Coroutine[Any, Any, None]) -> None:
    """Run all works until one of them returns or raises, then cancel the others; raise what the first raised."""
    tasks = [asyncio.create_task(work, name=f"{name}.{title}") for title, work in works.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(*tasks)
    for task in done:
        task.result()


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks and wait until each has ended, asking again: Python 3.11 loses a cancellation that meets a wait_for, or a
    library's time-out (redis, aiomqtt), that has just ended. What they raise is theirs: read it from the task."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=ASK_AGAIN_S)


async def whole(work: Coroutine[Any, Any, T]) -> T:
    """Finish a coroutine that must not be interrupted; a cancellation takes effect after it."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
