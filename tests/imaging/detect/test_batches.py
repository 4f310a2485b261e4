from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import numpy as np
import pytest
from tests.imaging.detect.test_model import named

from davy.imaging.detect import OnnxDetector, read_spec
from davy.imaging.detect.batches import Batches
from davy.imaging.detect.shipped import shipped_path
from davy_simulator.world import Mine

pytestmark = pytest.mark.system


class Doubling:
    """Doubles numbers, once it may; remembers how many came in each run."""

    def __init__(self):
        self.runs, self.may = [], Event()

    def __call__(self, numbers):
        self.runs.append(len(numbers))
        assert self.may.wait(5)
        if (numbers < 0).any():
            raise ValueError("negative")
        return [numbers * 2]


def begin(batches, pool, numbers):
    """Ask for each number in turn, so that they wait in this order."""
    answers = []
    for number in numbers:
        answers.append(pool.submit(batches.run, np.array([number])))
        until = monotonic() + 5
        while len(batches._waiting) < len(answers) - 1 and monotonic() < until:
            sleep(0.001)
    return answers


def test_what_comes_while_the_network_runs_goes_into_the_next_run():
    network = Doubling()
    batches = Batches(network, 3)
    with ThreadPoolExecutor(8) as pool:
        answers = begin(batches, pool, [1, 2, 3, 4, 5, [6, 6]])
        network.may.set()
        found = [answer.result(5)[0].tolist() for answer in answers]
    assert found == [[2], [4], [6], [8], [10], [[12, 12]]]
    assert network.runs[0] == 1 and max(network.runs) == 3 and sum(network.runs) == 6


def test_an_error_reaches_every_thread_of_the_run_and_none_of_the_next():
    network = Doubling()
    batches = Batches(network, 8)
    with ThreadPoolExecutor(8) as pool:
        answers = begin(batches, pool, [1, -2, 3])
        network.may.set()
        errors = [answer.exception(5) for answer in answers]
        assert errors[0] is None and all(isinstance(error, ValueError) for error in errors[1:])
        assert pool.submit(batches.run, np.array([4])).result(5)[0].tolist() == [8]


def test_cameras_that_share_a_run_find_what_each_finds_alone():
    mine = Mine(905)
    pictures = [mine.truth(place, 12.0, (640, 360)) for place in mine.places] * 2
    alone, together = (OnnxDetector(shipped_path(), read_spec(shipped_path()), batch=most) for most in (1, 4))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(together.detect, pictures))
    assert sum(map(len, found)) > 0
    for one, other in zip(map(alone.detect, pictures), found, strict=True):
        assert named(one) == named(other)
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=0.5)
