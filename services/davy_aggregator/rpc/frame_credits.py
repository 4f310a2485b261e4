"""Credits of one stream of frames: each at once, or several in one message where the edge can wait for them."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self, TypeAlias

from davy.domain.errors import DavyError
from davy.streams.tasks import end
from davy.v1 import ingest_pb2

MAX_PATIENCE_S = 1.0
MAX_HELD = 64  # credits in one message
MAX_WAITING = 1024  # more than the cameras of an edge have in flight
GATHER_S = 0.02  # credits that had to wait go together where so little lies between them
MAX_HELD_US = 2**32 - 1

_Credit: TypeAlias = tuple[str, int, int]
"""Camera, seq, and when the frame was accepted, in ns of time.monotonic_ns."""


class FrameCredits:
    """Credits that are written to a stream. Use it as a context on the event loop; its end writes what is held.

    Args:
        write: Writes an answer; no second call of it begins before the first has ended.
    """

    def __init__(self, write: Callable[[ingest_pb2.PushFramesResponse], Awaitable[None]]) -> None:
        self._write = write
        self._held: list[_Credit] = []
        self._waiting: deque[tuple[float, _Credit]] = deque()  # with the time of the loop at which each is due
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None
        self._writing, self._is_due = asyncio.Lock(), False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stop_timer()
        if kind is None or issubclass(kind, DavyError):  # a bad frame takes no credit from those before it
            self._held += [credit for _, credit in self._waiting]
            self._waiting.clear()
            await self.flush()
            self._stop_timer()
        if self._late is not None:
            await end(self._late)
            if not self._late.cancelled():
                self._late.exception()  # the stream has ended, whose reader says why

    async def give(self, camera: str, seq: int, patience_s: float, wait_s: float = 0.0) -> None:
        """Give the credit of an accepted frame.

        Args:
            camera: The frame's.
            seq: The frame's.
            patience_s: It may be held for so long; 0 gives it, and all that are held, now.
            wait_s: It must not be given earlier, as more frames come than the aggregator takes; not below that of the last.
        """
        credit, now_s = (camera, seq, time.monotonic_ns()), asyncio.get_running_loop().time()
        if wait_s:
            self._waiting.append((now_s + wait_s, credit))
            self._wake_at(now_s + wait_s + GATHER_S)
            if len(self._waiting) >= MAX_WAITING:  # an edge that ignores credits is not read, and stops by flow control
                await asyncio.sleep(wait_s)
            return
        self._held.append(credit)
        if not patience_s or len(self._held) >= MAX_HELD:
            await self.flush()
        else:
            self._wake_at(now_s + min(patience_s, MAX_PATIENCE_S))

    async def flush(self) -> None:
        """Write the credits that are held, if any; those that wait stay."""
        self._is_due = True
        async with self._writing:
            while self._is_due:  # again, if their time elapsed during a write
                self._is_due = False
                self._stop_timer()
                held, self._held = self._held, []
                if self._waiting:
                    self._wake_at(self._waiting[0][0] + GATHER_S)
                if held:
                    await self._write(_answer(held))

    def _wake_at(self, at_s: float) -> None:
        if self._timer is None or at_s < self._timer.when():
            self._stop_timer()
            self._timer = asyncio.get_running_loop().call_at(at_s, self._elapse)

    def _elapse(self) -> None:
        self._timer, self._is_due = None, True
        now_s = asyncio.get_running_loop().time()
        while self._waiting and self._waiting[0][0] <= now_s and len(self._held) < MAX_HELD:
            self._held.append(self._waiting.popleft()[1])
        if self._late is None or self._late.done():
            self._late = asyncio.create_task(self.flush(), name="push.credits")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _answer(held: list[_Credit]) -> ingest_pb2.PushFramesResponse:
    now_ns = time.monotonic_ns()
    *earlier, (camera, seq, at_ns) = held
    answer = ingest_pb2.PushFramesResponse(camera=camera, seq=seq, server_ns=time.time_ns(), held_us=_us(now_ns - at_ns))
    for camera, seq, at_ns in earlier:
        answer.earlier.add(camera=camera, seq=seq, held_us=_us(now_ns - at_ns))
    return answer


def _us(ns: int) -> int:
    return min(ns // 1000, MAX_HELD_US)
