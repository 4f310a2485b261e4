"""Time methods in rounds, so that other load on the machine affects all of them equally."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from davy.domain.frame import BgrImage
from davy_bench.quality.scores import ProgressCallback

MIN_ROUNDS, MAX_ROUNDS = 5, 200
Key = tuple[str, int]
"""Name of a method, and its number of threads."""


@dataclass(frozen=True, slots=True)
class TimedMethod:
    """A method that is ready to run.

    Attributes:
        name: Name of the method.
        threads: Number of threads.
        run: Processes the next `frames` pictures.
        frames: Number of pictures per call.
    """

    name: str
    threads: int
    run: Callable[[], None]
    frames: int = 1

    @property
    def key(self) -> Key:
        """Name and number of threads."""
        return self.name, self.threads


@dataclass(frozen=True, slots=True)
class Quartiles:
    """First quartile, median and third quartile."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Quartiles":
        """Compute the quartiles of values."""
        low, median, high = np.percentile(values, [25, 50, 75])
        return cls(float(low), float(median), float(high))


def time_in_turns(
    timed_methods: Sequence[TimedMethod], seconds: float, picture: BgrImage, progress: ProgressCallback
) -> Mapping[Key, Sequence[float]]:
    """Measure the milliseconds per frame of every method in every round; the first round is not counted.

    Each round runs the methods by number of threads, in random order: no method always follows the same other one, with
    the same content of the cache.

    Args:
        timed_methods: The methods.
        seconds: Duration; MIN_ROUNDS rounds at least.
        picture: Wakes OpenCV's threads after a change of their number.
        progress: Receives the elapsed and the total seconds.
    """
    order = random.Random(0)
    times_ms: dict[Key, list[float]] = {timed_method.key: [] for timed_method in timed_methods}
    end_s, rounds = float("inf"), -1
    while rounds < MIN_ROUNDS or (rounds < MAX_ROUNDS and time.perf_counter() < end_s):
        for threads in sorted({timed_method.threads for timed_method in timed_methods}):
            cv2.setNumThreads(threads)
            cv2.blur(picture, (3, 3))
            group = [timed_method for timed_method in timed_methods if timed_method.threads == threads]
            for timed_method in order.sample(group, len(group)):
                start_s = time.perf_counter()
                timed_method.run()
                elapsed_ms = (time.perf_counter() - start_s) * 1000 / timed_method.frames
                if rounds >= 0:
                    times_ms[timed_method.key].append(elapsed_ms)
        rounds += 1
        if rounds == 0:
            end_s = time.perf_counter() + seconds
        remaining_s = max(end_s - time.perf_counter(), 0.0)
        progress(round(seconds - min(remaining_s, seconds)), round(seconds))
    return times_ms


def ratios(times_ms: Mapping[Key, Sequence[float]], over: Key) -> Mapping[Key, Quartiles]:
    """The time of every method over that of another one in the same round."""
    base = np.asarray(times_ms[over])
    return {key: Quartiles.of(list(np.asarray(values) / base)) for key, values in times_ms.items()}
