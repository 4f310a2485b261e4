"""Processes that make batches ahead of the training loop, and end with it."""

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

POLL_S = 1.0  # how soon a worker notices that its parent is gone
T = TypeVar("T")
Make = Callable[[int], T]  # the batch with an index; the same whoever makes it


@dataclass(frozen=True, slots=True)
class Failure:
    """What a worker tells instead of a batch."""

    reason: str


@dataclass(frozen=True, slots=True)
class Worker(Generic[T]):
    """A worker, and the end of the pipe that its batches come out of."""

    worker: BaseProcess
    made: Connection


@contextmanager
def batches(groups: Sequence[Group], settings: SelfSupervisedSettings, first: int) -> Iterator[Iterator[Batch]]:
    """Batches of self-supervision, as `prefetch` makes them; of several processes each has its part of every batch."""
    make = partial(make_batch, groups, settings, part=process_group.part_of(settings.batch))
    with prefetch(make, first, settings.workers, settings.ahead) as source:
        yield source


@contextmanager
def prefetch(make: Make[T], first: int, workers: int, ahead: int) -> Iterator[Iterator[T]]:
    """make(first), make(first + 1), ... in this order; worker k of n makes every n-th. The workers end with the context.

    Args:
        ahead: how many each worker holds ready.

    Raises:
        TrainingError: from the iterator, a worker failed or was killed.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # before the fork: a copy of a process without its other threads would wait for them forever
    lanes: list[Worker[T]] = [_start(make, first + k, workers, ahead) for k in range(workers)]
    cv2.setNumThreads(threads)
    try:
        yield _in_order(lanes)
    finally:
        for lane in lanes:
            lane.worker.kill()  # it holds nothing that could be lost
        for lane in lanes:
            lane.worker.join()
            lane.made.close()


def _start(make: Make[T], first: int, workers: int, ahead: int) -> Worker[T]:
    context = multiprocessing.get_context("fork")  # the photographs are in memory once, shared by all workers
    ours, theirs = context.Pipe(duplex=False)
    words = (make, first, workers, ahead, theirs, os.getpid())
    worker = context.Process(target=_work, args=words, name=f"batches-{first % workers}", daemon=True)
    worker.start()
    theirs.close()  # only the worker holds this end: its death, even amid a batch, ends what we read, not only delays it
    return Worker(worker, ours)


def _in_order(lanes: Sequence[Worker[T]]) -> Iterator[T]:
    while True:
        for lane in lanes:
            yield _take(lane)


def _take(lane: Worker[T]) -> T:
    try:
        message: T | Failure = lane.made.recv()
    except (EOFError, OSError) as error:
        lane.worker.join()
        raise TrainingError(
            f"{lane.worker.name} ended with status {lane.worker.exitcode}; was it short of memory? Go on with --resume"
        ) from error
    if isinstance(message, Failure):
        raise TrainingError(f"{lane.worker.name} failed: {message.reason}")
    return message


def _work(make: Make[T], first: int, every: int, ahead: int, out: Connection, parent: int) -> NoReturn:
    """A worker's life: ends when its parent is gone, even by kill -9, and leaves Ctrl-C and SIGTERM to it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    ready: queue.Queue[T | Failure] = queue.Queue(ahead)
    threading.Thread(target=_send, args=(ready, out), name="send", daemon=True).start()
    index = first
    while True:
        message: T | Failure
        try:
            message = make(index)
        except Exception as error:  # noqa: BLE001 - told to the parent, whose loop ends with it
            message = Failure(f"batch {index}: {type(error).__name__}: {error}")
        while not _put(ready, message):
            if os.getppid() != parent:
                os._exit(0)
        index += every


def _send(ready: "queue.Queue[T | Failure]", out: Connection) -> None:
    while True:
        try:
            out.send(ready.get())
        except OSError:  # the parent is gone
            os._exit(0)


def _put(ready: "queue.Queue[T | Failure]", message: T | Failure) -> bool:
    try:
        ready.put(message, timeout=POLL_S)
    except queue.Full:
        return False
    return True
