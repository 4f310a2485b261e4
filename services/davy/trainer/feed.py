"""Processes that make batches ahead of the training loop, and end with it."""

import multiprocessing
import os
import queue
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, NoReturn

import cv2

from davy.errors import TrainingError
from davy.trainer.data import Batch, make_batch
from davy.trainer.photographs import Group
from davy.trainer.settings import SelfSupervisedSettings

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

POLL_S = 1.0  # how soon one side notices that the other is gone


@contextmanager
def batches(groups: Sequence[Group], settings: SelfSupervisedSettings, first: int) -> Iterator[Iterator[Batch]]:
    """Batches first, first + 1, ... in this order; worker k of n makes every n-th. The workers end with the context.

    Raises:
        TrainingError: from the iterator, a worker failed or was killed.
    """
    context = multiprocessing.get_context("fork")  # the photographs are in memory once, shared by all workers
    queues: list[Queue[Batch | Exception]] = [context.Queue(settings.ahead) for _ in range(settings.workers)]
    workers = [
        context.Process(target=_work, args=(groups, settings, first + k, made, os.getpid()), name=f"batches-{k}", daemon=True)
        for k, made in enumerate(queues)
    ]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # before the fork: a copy of a process without its other threads would wait for them forever
    for worker in workers:
        worker.start()
    cv2.setNumThreads(threads)
    try:
        yield _in_order(queues, workers)
    finally:
        for worker in workers:
            worker.kill()  # it holds nothing that could be lost
        for worker, made in zip(workers, queues, strict=True):
            worker.join()
            made.close()


def _in_order(queues: "Sequence[Queue[Batch | Exception]]", workers: Sequence[BaseProcess]) -> Iterator[Batch]:
    while True:
        for made, worker in zip(queues, workers, strict=True):
            yield _take(made, worker)


def _take(made: "Queue[Batch | Exception]", worker: BaseProcess) -> Batch:
    while True:
        try:
            batch = made.get(timeout=POLL_S)
        except queue.Empty:
            if not worker.is_alive():
                raise TrainingError(f"{worker.name} ended with status {worker.exitcode}; was it short of memory?") from None
            continue
        if isinstance(batch, Exception):
            raise TrainingError(f"{worker.name} failed: {batch!r}") from batch
        return batch


def _work(
    groups: Sequence[Group], settings: SelfSupervisedSettings, first: int, made: "Queue[Batch | Exception]", parent: int
) -> NoReturn:
    """A worker's life: ends when its parent is gone, even by kill -9, and leaves Ctrl-C and SIGTERM to it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    made.cancel_join_thread()  # with the parent gone nobody would ever read the rest
    index = first
    while True:
        message: Batch | Exception
        try:
            message = make_batch(groups, settings, index)
        except Exception as error:  # noqa: BLE001 - told to the parent, whose loop ends with it
            message = error
        while not _put(made, message):
            if os.getppid() != parent:
                os._exit(0)
        index += settings.workers


def _put(made: "Queue[Batch | Exception]", message: Batch | Exception) -> bool:
    try:
        made.put(message, timeout=POLL_S)
    except queue.Full:
        return False
    return True
