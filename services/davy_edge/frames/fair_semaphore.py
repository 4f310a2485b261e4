"""How many pictures a process works on at once, and whose turn it is."""

import os
import threading
from collections import deque
from types import TracebackType


def slots_for(parallel: int, threads: int) -> int:
    """Pictures at once: as told, or else (0) as many as the processors give `threads` each."""
    return parallel or max(1, (os.cpu_count() or 1) // threads)


class Budget:
    """A semaphore that serves in the order of asking. Who gives a slot back and asks again stands at the end of the line, so
    that past what the machine can do every camera has the same share: threading.Semaphore lets the last one in again first.
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._free = slots
        self._line: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            turn = threading.Lock()
            turn.acquire()
            self._line.append(turn)
        turn.acquire()  # until whoever goes hands the slot over

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1
