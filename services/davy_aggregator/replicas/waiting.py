"""Waiting for another replica's answer."""

import asyncio
import time

from davy.adapters.storage.replica_requests import ReplicaRequests

FETCH_EVERY_S = 0.1


async def answer_of(requests: ReplicaRequests, request: str, begin_s: float, end_s: float) -> str | None:
    """Wait for the answer to a request.

    Args:
        requests: Holds it.
        request: Its id.
        begin_s: It is taken back if nobody begins it within this time.
        end_s: Longest time until the answer.

    Returns:
        The answer; None if there is none.

    Raises:
        ArchiveUnavailableError: The database fails.
    """
    asked_s, begun = time.monotonic(), False
    while (found := await asyncio.to_thread(requests.fetch, request)) is None:
        waited_s = time.monotonic() - asked_s
        if waited_s > end_s:
            return None
        if not begun and waited_s > begin_s:
            if await asyncio.to_thread(requests.withdraw, request):
                return None
            begun = True
        await asyncio.sleep(FETCH_EVERY_S)
    return found
