import itertools
import os
import signal
import time
from dataclasses import replace

import numpy as np
import psutil
import pytest

from davy.domain.errors import TrainingError
from davy_trainer.data.loader import batches
from davy_trainer.data.synthetic import make_batch


def children():
    return [p for p in psutil.Process().children() if "batches" in p.name() or "python" in p.name() or "pytest" in p.name()]


@pytest.mark.parametrize("workers", [1, 3])
def test_the_order_is_the_same_whatever_the_number_of_workers(groups, settings, workers):
    chosen = settings(workers=workers)
    with batches(groups, chosen, 2) as source:
        for index, batch in zip(range(2, 9), source, strict=False):
            assert np.array_equal(batch.low, make_batch(groups, chosen, index).low)


def test_the_queue_is_bounded_and_workers_end_with_the_context(groups, settings):
    before = set(children())
    with batches(groups, settings(prefetch=2), 0) as source:
        next(source)
        (worker,) = set(children()) - before
        time.sleep(0.3)
        spent = worker.cpu_times().user
        time.sleep(0.5)
        assert worker.cpu_times().user - spent < 0.2  # it waits: nobody takes what it made
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE


def test_a_worker_that_fails_is_an_error(groups, settings):
    broken = [replace(group, pictures=["no picture"]) for group in groups]
    with batches(broken, settings(), 0) as source, pytest.raises(TrainingError, match="batches-0 failed"):
        next(source)


def test_a_worker_that_is_killed_is_an_error(groups, settings):
    before = set(children())
    with batches(groups, settings(), 0) as source:
        next(source)
        (worker,) = set(children()) - before
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(TrainingError, match="ended with status -9"):
            list(itertools.islice(source, 10))
