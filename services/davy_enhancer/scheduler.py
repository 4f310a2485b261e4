"""Scheduler of image requests: a bounded queue, batches for threads, a deadline for each request.

A free thread takes its share of the waiting requests as one batch, at most `batch` of them, the earliest deadline first.
An idle thread never waits to fill a batch. Decoding, the full-resolution pass and encoding take most of the time. A batch
makes none of them faster, and a pause would only add latency.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

from davy.domain.errors import DeadlineExceededError, InvalidInputError, OverloadedError
from davy.domain.ports import ImageEnhancer
from davy_enhancer.metrics import RequestMetrics
from davy_enhancer.processing import Enhanced, EnhanceRequest, process_request

RESOURCE = "the enhancement queue"
_SMOOTHING = 0.2  # weight of the newest service time: about the last ten requests count


@dataclass(order=True, slots=True)
class _Job:
    deadline: float  # on time.monotonic's clock
    number: int  # among equal deadlines, first come first served
    request: EnhanceRequest = field(compare=False)
    answer: "asyncio.Future[Enhanced]" = field(compare=False)
    since: float = field(compare=False)


class RequestScheduler:
    """Enhances images of many clients.

    Args:
        enhancer: Returns the present model; asked before each image.
        queue: Maximum requests in the service.
        deadline_s: Maximum time from submission to answer.
    """

    def __init__(
        self,
        enhancer: Callable[[], ImageEnhancer],
        metrics: RequestMetrics,
        *,
        threads: int,
        batch: int,
        queue: int,
        deadline_s: float,
    ) -> None:
        self.deadline_s = deadline_s
        self._enhancer, self._metrics = enhancer, metrics
        self._threads, self._batch, self._queue = threads, batch, queue
        self._waiting: list[_Job] = []
        self._changed = asyncio.Condition()
        self._numbers = itertools.count()
        self._admitted = 0
        self._service_s = 0.0  # running mean

    @property
    def model(self) -> str:
        """Return the id of the present model."""
        return self._enhancer().model

    @property
    def full(self) -> bool:
        return self._admitted >= self._queue

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Occupy one place for the block. Call it before receiving a body, which also bounds the bodies in memory.

        Raises:
            OverloadedError: no place is free, or the waiting requests would exceed the deadline.
        """
        expected_s = self._service_s * (len(self._waiting) + 1) / self._threads
        if self.full or (self._waiting and expected_s > self.deadline_s):
            self._metrics.requests.labels("overloaded").inc()
            raise OverloadedError(RESOURCE, self._admitted)
        self._admitted += 1
        self._metrics.inside.set(self._admitted)
        try:
            yield
        finally:
            self._admitted -= 1
            self._metrics.inside.set(self._admitted)

    async def enhance(self, request: EnhanceRequest) -> Enhanced:
        """Enhance an image. The caller occupies a place by `admit`.

        Raises:
            DeadlineExceededError: the deadline has passed.
            InvalidInputError: the image is unusable.
        """
        now = time.monotonic()
        job = _Job(now + self.deadline_s, next(self._numbers), request, asyncio.get_running_loop().create_future(), now)
        async with self._changed:
            heapq.heappush(self._waiting, job)
            self._changed.notify()
        outcome = "failed"
        try:
            async with asyncio.timeout(self.deadline_s):
                enhanced = await job.answer
            outcome = "enhanced"
        except TimeoutError as error:
            outcome = "late"
            raise DeadlineExceededError("enhancing", self.deadline_s) from error
        except asyncio.CancelledError:
            outcome = "abandoned"
            raise
        except InvalidInputError:
            outcome = "invalid"
            raise
        finally:
            self._metrics.requests.labels(outcome).inc()
        for step, took_s in enhanced.durations_s.items():
            self._metrics.stage.labels(step).observe(took_s)
        return enhanced

    async def run(self) -> None:
        """Process requests until cancelled."""
        executor = ThreadPoolExecutor(self._threads, thread_name_prefix="enhance")
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._threads):
                    tasks.create_task(self._feed(executor), name=f"enhancer.thread.{number}")
        finally:
            executor.shutdown(wait=False, cancel_futures=True)  # waiting would block the event loop

    async def _feed(self, executor: ThreadPoolExecutor) -> None:
        loop = asyncio.get_running_loop()
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._waiting)
                jobs = self._take()
            if not jobs:
                continue
            self._metrics.batch.observe(len(jobs))
            start = time.monotonic()
            await loop.run_in_executor(executor, self._work, jobs, loop.call_soon_threadsafe)
            took_s = (time.monotonic() - start) / len(jobs)
            self._service_s += _SMOOTHING * (took_s - self._service_s) if self._service_s else took_s

    def _take(self) -> list[_Job]:
        """Take one thread's share of the waiting requests, except abandoned ones."""
        share = min(self._batch, -(-len(self._waiting) // self._threads))
        jobs = [heapq.heappop(self._waiting) for _ in range(share)]
        return [job for job in jobs if not job.answer.done()]

    def _work(self, jobs: Sequence[_Job], on_loop: Callable[..., object]) -> None:
        """Enhance the images of a batch in a thread; resolve each answer at once."""
        for job in jobs:
            if job.answer.done():  # abandoned meanwhile
                continue
            queued_s = time.monotonic() - job.since
            try:
                enhanced = process_request(self._enhancer(), job.request)
                enhanced.durations_s["queue"] = queued_s
            except Exception as error:  # noqa: BLE001  # the error goes to its client
                on_loop(_resolve, job.answer, None, error)
            else:
                on_loop(_resolve, job.answer, enhanced, None)


def _resolve(answer: "asyncio.Future[Enhanced]", enhanced: Enhanced | None, error: Exception | None) -> None:
    if answer.done():
        return
    if error is not None:
        answer.set_exception(error)
    elif enhanced is not None:
        answer.set_result(enhanced)
