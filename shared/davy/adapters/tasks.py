"""Coroutines that live and die together, without asyncio.TaskGroup's faults in Python 3.11.

There a TaskGroup that fails leaves the task that holds it marked as cancelled, and swallows a real cancellation that comes at
the same moment: a reconnecting loop around one then ends by itself, or never.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def until_first_ends(name: str, **works: Coroutine[Any, Any, None]) -> None:
    """Run all works until one of them returns or raises, then cancel the others; raise what the first raised."""
    tasks = [asyncio.create_task(work, name=f"{name}.{title}") for title, work in works.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
