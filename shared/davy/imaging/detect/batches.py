"""Pictures of several threads in one run of a network."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Run = Callable[[Array], Sequence[Array]]


@dataclass(slots=True, eq=False)
class _Waiting:
    picture: Array
    answer: Future[list[Array]] = field(default_factory=Future)


class Batches:
    """Runs a network on what has come together while it ran the last time; nobody waits for a batch to fill.

    The thread that finds the network idle runs it for itself and for others that wait with pictures of the same size.

    Args:
        run: Takes pictures (N, ...) and returns outputs whose first axis is N.
        most: Pictures in one run, at least 1.
    """

    def __init__(self, run: Run, most: int) -> None:
        self._run, self._most = run, most
        self._lock, self._network = Lock(), Lock()
        self._waiting: list[_Waiting] = []

    def run(self, picture: Array) -> list[Array]:
        """Run the network on one picture (1, ...). Returns its outputs, with a first axis of 1.

        Raises:
            Exception: what the network raises, on every picture of the run.
        """
        mine = _Waiting(picture)
        with self._lock:
            self._waiting.append(mine)
        with self._network:
            if not mine.answer.done():
                self._run_with(mine)
        return mine.answer.result()

    def _run_with(self, first: _Waiting) -> None:
        with self._lock:
            same = [each for each in self._waiting if each is not first and each.picture.shape == first.picture.shape]
            batch = [first, *same[: self._most - 1]]
            self._waiting = [each for each in self._waiting if each not in batch]
        try:
            outputs = self._run(np.concatenate([each.picture for each in batch]))
        except Exception as error:  # noqa: BLE001  # belongs to each of the threads
            for each in batch:
                each.answer.set_exception(error)
            return
        for number, each in enumerate(batch):
            each.answer.set_result([output[number : number + 1] for output in outputs])
