"""A bound of the frames per second that one aggregator takes: credits of more frames wait, and edges send fewer."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

BURST_S = 0.5  # frames of so many seconds may come at once
MIN_EDGE_S = 1.0  # an edge gets a credit at least so often, however many edges there are


class FrameQuota:
    """The frames per second of all edges together. Use it on the event loop.

    Below the bound no credit waits. Above it every edge gets an equal share, and takes what the others leave.

    Args:
        frames_s: The bound; 0: none.
    """

    def __init__(self, frames_s: float) -> None:
        self.frames_s = frames_s
        self._left, self._at_s = BURST_S * frames_s, time.monotonic()
        self._edges = 0

    @contextmanager
    def edge(self) -> "Iterator[EdgeQuota]":
        """Count an edge's stream for the duration of the block."""
        self._edges += 1
        try:
            yield EdgeQuota(self)
        finally:
            self._edges -= 1

    @property
    def interval_s(self) -> float:
        """Time between two credits of one edge above the bound, in s."""
        return min(MIN_EDGE_S, self._edges / self.frames_s)

    def take(self) -> bool:
        """Count a frame. Return whether it is below the bound."""
        now_s = time.monotonic()
        most = max(1.0, BURST_S * self.frames_s)
        self._left = min(most, self._left + (now_s - self._at_s) * self.frames_s)
        self._at_s = now_s
        is_below = self._left >= 1
        self._left = max(-most, self._left - 1)
        return is_below


class EdgeQuota:
    """The share of one edge."""

    def __init__(self, quota: FrameQuota) -> None:
        self._quota, self._due_s = quota, 0.0

    def wait_s(self) -> float:
        """Count an accepted frame. Return for how long its credit has to wait, in s."""
        if not self._quota.frames_s:
            return 0.0
        now_s = time.monotonic()
        if self._quota.take() and self._due_s <= now_s:
            return 0.0
        if self._due_s > now_s:
            self._due_s += self._quota.interval_s
        else:  # edges that began together do not go on in step, as 50 frames at one instant would hold up other sites
            self._due_s = now_s + random.random() * self._quota.interval_s
        return self._due_s - now_s
