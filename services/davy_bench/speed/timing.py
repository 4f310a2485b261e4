"""Methods timed in turn, round after round, so that whatever else the machine does meets all of them alike."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from davy.domain.frame import BgrImage
from davy_bench.quality.scores import Tick

LEAST_ROUNDS, MOST_ROUNDS = 5, 200
Key = tuple[str, int]
"""A method and its threads."""


@dataclass(frozen=True, slots=True)
class TimedMethod:
    """One way to treat pictures, ready to run.

    run: Treats the next `frames` pictures.
    """

    name: str
    threads: int
    run: Callable[[], None]
    frames: int = 1

    @property
    def key(self) -> Key:
        return self.name, self.threads


@dataclass(frozen=True, slots=True)
class Middle:
    """The median, and the quartiles on both sides of it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Middle":
        low, median, high = np.percentile(values, [25, 50, 75])
        return cls(float(low), float(median), float(high))


def time_in_turns(
    timed_methods: Sequence[TimedMethod], seconds: float, picture: BgrImage, tick: Tick
) -> Mapping[Key, Sequence[float]]:
    """Milliseconds per frame of every method in every round; the first round does not count.

    Args:
        seconds: So long, but LEAST_ROUNDS rounds at least. In each round all of one thread, then all of two, and so on,
            each in an order by chance: nobody always follows the same one, whose data is in the cache.
        picture: What OpenCV's threads are woken with where their number changes.
    """
    order = random.Random(0)
    found: dict[Key, list[float]] = {timed_method.key: [] for timed_method in timed_methods}
    ends, rounds = float("inf"), -1
    while rounds < LEAST_ROUNDS or (rounds < MOST_ROUNDS and time.perf_counter() < ends):
        for threads in sorted({timed_method.threads for timed_method in timed_methods}):
            cv2.setNumThreads(threads)
            cv2.blur(picture, (3, 3))
            group = [timed_method for timed_method in timed_methods if timed_method.threads == threads]
            for timed_method in order.sample(group, len(group)):
                began_s = time.perf_counter()
                timed_method.run()
                took_ms = (time.perf_counter() - began_s) * 1000 / timed_method.frames
                if rounds >= 0:
                    found[timed_method.key].append(took_ms)
        rounds += 1
        if rounds == 0:
            ends = time.perf_counter() + seconds
        left_s = max(ends - time.perf_counter(), 0.0)
        tick(round(seconds - min(left_s, seconds)), round(seconds))
    return found


def ratios(found: Mapping[Key, Sequence[float]], over: Key) -> Mapping[Key, Middle]:
    """Every contestant's time over another's of the same round."""
    base = np.asarray(found[over])
    return {key: Middle.of(list(np.asarray(values) / base)) for key, values in found.items()}
