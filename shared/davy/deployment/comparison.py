"""A comparison of two models on the same frames, and what runs one model and may swap it."""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from davy.models.gates import Gates
from davy.streams.latest import LatestSlot

WARM_UP = 1  # pairs, not counted: allocation and cold caches distort the first one
MAX_PAIRS = 1000  # per comparison, about 10 minutes

F = TypeVar("F")
M = TypeVar("M")


class Comparison(ABC, Generic[F]):
    """Compares two models on the same frames, in a separate thread.

    Args:
        per_s: Frames compared per second, over all cameras; each costs two runs.
    """

    def __init__(self, per_s: float) -> None:
        self._every_s = 1 / per_s
        self._latest: LatestSlot[F] = LatestSlot()
        self._next_s = 0.0
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="model.comparison", daemon=True)
        self._thread.start()

    @abstractmethod
    def assess(self, gates: Gates) -> tuple[dict[str, float], Sequence[tuple[str, str]]]:
        """Return the present figures, and the gates that the new model fails, each with a reason."""

    @abstractmethod
    def _compare(self, frame: F, new_first: bool, counts: bool) -> None:
        """Run both models on a frame; counts is false for a warm-up."""

    def offer(self, frame: F) -> None:
        """Take a frame from any thread; never waits."""
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + self._every_s
            self._latest.put(frame)

    def close(self) -> None:
        """End the thread after its current frame."""
        self._latest.close()
        self._thread.join(10.0)

    def _run(self) -> None:
        pairs = 0
        while self._latest.wait():
            frame = self._latest.take()
            if frame is not None:
                pairs += 1
                self._compare(frame, pairs % 2 == 0, pairs > WARM_UP)


class Swappable(Protocol[M]):
    """Runs one model on live frames, which a swap replaces between two frames."""

    comparison: Any
    errors: int
    """Frames that the model failed on since the swap."""

    @property
    def model(self) -> M:
        """The active model."""
        ...

    @property
    def max_frames_lost(self) -> int:
        """Maximum number of frames that one camera lost to the swap."""
        ...

    def swap(self, model: M, /) -> None:
        """Process the next frame of every camera with another model."""
        ...

    def compare(self, old: M, new: M, per_s: float) -> Comparison[Any]:
        """Start a comparison of two models; whoever sets it as `comparison` feeds it."""
        ...
