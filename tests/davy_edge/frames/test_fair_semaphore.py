import os
import threading
import time

import pytest

from davy_edge.frames.fair_semaphore import FairSemaphore, slots_for


def test_no_more_at_once_than_there_are_slots():
    semaphore, inside, most = FairSemaphore(2), [], []

    def work() -> None:
        for _ in range(20):
            with semaphore:
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 2


def test_the_semaphore_serves_in_order_of_arrival():
    semaphore, order = FairSemaphore(1), []

    def work(name: str) -> None:
        for _ in range(3):
            with semaphore:
                order.append(name)
                time.sleep(0.005)

    with semaphore:
        threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
        for thread in threads:
            thread.start()
            time.sleep(0.01)  # they ask one after the other
    for thread in threads:
        thread.join()
    assert "".join(order) == "abcdabcdabcd"


def test_an_exception_releases_the_slot():
    semaphore = FairSemaphore(1)
    with pytest.raises(KeyError), semaphore:
        raise KeyError
    with semaphore:
        pass


def test_slots_follow_the_processors_by_default():
    processors = os.cpu_count() or 1
    assert slots_for(0, 1) == processors
    assert slots_for(0, 2 * processors) == 1
    assert slots_for(3, 8) == 3
