"""Worker processes that prefetch batches for the training loop, and end with it."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, NoReturn, TypeVar

import cv2

from davy.domain.errors import TrainingError
from davy_trainer.data.photographs import Group
from davy_trainer.data.synthetic import Batch, make_batch
from davy_trainer.distributed import process_group
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

POLL_S = 1.0  # interval at which a worker checks for its parent
T = TypeVar("T")
Make = Callable[[int], T]  # returns the batch of an index; the same in every process


@dataclass(frozen=True, slots=True)
class Failure:
    """A worker's message instead of a batch."""

    reason: str


@dataclass(frozen=True, slots=True)
class Worker(Generic[T]):
    """A worker process, and the receiving end of its pipe."""

    process: BaseProcess
    batches: Connection


@contextmanager
def batches(groups: Sequence[Group], settings: SelfSupervisedSettings, first: int) -> Iterator[Iterator[Batch]]:
    """Yield batches of self-supervision; of several ranks, each has its share of every batch."""
    make = partial(make_batch, groups, settings, indices=process_group.local_indices(settings.batch))
    with prefetch(make, first, settings.workers, settings.prefetch) as source:
        yield source


@contextmanager
def prefetch(make: Make[T], first: int, workers: int, depth: int) -> Iterator[Iterator[T]]:
    """Yield make(first), make(first + 1), ... in this order; worker k of n makes every n-th. Workers end with the context.

    Args:
        depth: Batches that each worker keeps ready.

    Raises:
        TrainingError: A worker failed or was killed; raised by the iterator.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # before the fork: a child has no copies of the threads, and would wait for them forever
    started: list[Worker[T]] = [_start(make, first + k, workers, depth) for k in range(workers)]
    cv2.setNumThreads(threads)
    try:
        yield _in_order(started)
    finally:
        for worker in started:
            worker.process.kill()  # it has no state to lose
        for worker in started:
            worker.process.join()
            worker.batches.close()


def _start(make: Make[T], first: int, workers: int, depth: int) -> Worker[T]:
    context = multiprocessing.get_context("fork")  # the photographs are in memory once, shared by all workers
    ours, theirs = context.Pipe(duplex=False)
    arguments = (make, first, workers, depth, theirs, os.getpid())
    process = context.Process(target=_work, args=arguments, name=f"batches-{first % workers}", daemon=True)
    process.start()
    theirs.close()  # only the worker holds this end: its death, even during a batch, closes the pipe
    return Worker(process, ours)


def _in_order(workers: Sequence[Worker[T]]) -> Iterator[T]:
    while True:
        for worker in workers:
            yield _receive(worker)


def _receive(worker: Worker[T]) -> T:
    try:
        message: T | Failure = worker.batches.recv()
    except (EOFError, OSError) as error:
        worker.process.join()
        raise TrainingError(
            f"{worker.process.name} ended with status {worker.process.exitcode}, maybe short of memory; continue with --resume"
        ) from error
    if isinstance(message, Failure):
        raise TrainingError(f"{worker.process.name} failed: {message.reason}")
    return message


def _work(make: Make[T], first: int, every: int, depth: int, out: Connection, parent: int) -> NoReturn:
    """Make batches until the parent has ended, even by kill -9; the parent handles Ctrl-C and SIGTERM."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ready: queue.Queue[T | Failure] = queue.Queue(depth)
    threading.Thread(target=_send, args=(ready, out), name="send", daemon=True).start()
    index = first
    while True:
        message: T | Failure
        try:
            message = make(index)
        except Exception as error:  # noqa: BLE001 - sent to the parent, whose loop raises it
            message = Failure(f"batch {index}: {type(error).__name__}: {error}")
        while not _put(ready, message):
            if os.getppid() != parent:
                os._exit(0)
        index += every


def _send(ready: "queue.Queue[T | Failure]", out: Connection) -> None:
    while True:
        try:
            out.send(ready.get())
        except OSError:  # the parent has ended
            os._exit(0)


def _put(ready: "queue.Queue[T | Failure]", message: T | Failure) -> bool:
    try:
        ready.put(message, timeout=POLL_S)
    except queue.Full:
        return False
    return True
