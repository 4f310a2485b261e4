"""Where segments are computed: processes of this machine. `ray_pool` has many machines."""

import multiprocessing
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from typing import Protocol, Self

from davy_enhancer.recordings.segment import SegmentResult, SegmentTask, enhance_segment

AHEAD = 2  # tasks per worker: one runs, one waits, and memory stays bounded


class WorkerPool(Protocol):
    """Computes tasks."""

    def results(self, tasks: Iterable[SegmentTask]) -> Iterator[SegmentResult]:
        """Yield the result of each task, in any order. Tasks are taken as workers become free."""
        ...


class ProcessPool:
    """Processes of this machine.

    Args:
        processes: Their number; 0: one per CPU core.
    """

    def __init__(self, processes: int = 0) -> None:
        self._count = processes or os.cpu_count() or 1
        # a forked child would share the threads' locks of ONNX Runtime and FFmpeg
        self._executor = ProcessPoolExecutor(self._count, multiprocessing.get_context("spawn"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.shutdown(cancel_futures=True)

    def results(self, tasks: Iterable[SegmentTask]) -> Iterator[SegmentResult]:
        """Yield the result of each task, in any order."""
        waiting = set[Future[SegmentResult]]()
        for task in tasks:
            waiting.add(self._executor.submit(enhance_segment, task))
            if len(waiting) >= AHEAD * self._count:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
