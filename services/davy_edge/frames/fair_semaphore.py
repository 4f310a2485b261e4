"""A fair limit on the number of frames that a process enhances at once."""

import os
import threading
from collections import deque
from types import TracebackType


def slots_for(parallel: int, threads: int) -> int:
    """Return the number of frames to enhance at once: parallel, or for 0 one per `threads` processors."""
    return parallel or max(1, (os.cpu_count() or 1) // threads)


class FairSemaphore:
    """A first-come, first-served semaphore: under overload every camera gets the same share.

    threading.Semaphore prefers the thread that has just released it.
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._free = slots
        self._queue: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        turn.acquire()  # until another thread hands its slot over

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._free += 1
