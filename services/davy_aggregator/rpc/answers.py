"""Streams whose answers come from two sides: from what the caller sends, and from what the aggregator wants by itself."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from davy.streams.tasks import end

Answer = TypeVar("Answer")
Put = Callable[[Answer], None]
"""Sends an answer; never waits."""


async def answering(
    name: str, read: Callable[[Put[Answer]], Awaitable[None]], ask: Callable[[Put[Answer]], Awaitable[None]]
) -> AsyncGenerator[Answer, None]:
    """Yield what `read` and `ask` put, until one of them ends; then raise its error, if any. Close it, or use aclosing.

    Args:
        name: Of the tasks.
        read: Takes the caller's messages; it returns when the caller has ended the stream.
        ask: Asks the caller for something, for ever.
    """
    answers: asyncio.Queue[Answer | None] = asyncio.Queue()

    async def run(work: Callable[[Put[Answer]], Awaitable[None]]) -> None:
        try:
            await work(answers.put_nowait)
        finally:
            answers.put_nowait(None)

    tasks = [asyncio.create_task(run(work), name=f"{name}.{title}") for title, work in (("read", read), ("ask", ask))]
    try:
        while (answer := await answers.get()) is not None:
            yield answer
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        await end(*tasks)
