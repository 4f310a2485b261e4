"""The cost of identities and encryption: the same mine open, closed, and closed with mutual TLS on every wire."""

import random
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from davy_bench.quality.scores import ProgressCallback
from davy_bench.speed.cameras import measure_load
from davy_bench.speed.load import Load, SustainedLoad

OPEN, CLOSED, ENCRYPTED = "open", "closed", "closed, mutual TLS"
MODES: Final[Mapping[str, tuple[str, ...]]] = {OPEN: ("--insecure",), CLOSED: (), ENCRYPTED: ("--tls",)}


@dataclass(slots=True)
class Protection:
    """Runs of each mode, round by round.

    Attributes:
        load: The cameras of each run.
        rounds: One run of each mode per round.
    """

    load: Load
    rounds: list[Mapping[str, SustainedLoad]] = field(default_factory=list)

    def cpu_ms(self, mode: str) -> float:
        """Median CPU time in ms per delivered frame."""
        return median(_cpu_ms(each[mode]) for each in self.rounds)

    def cpu_ratio(self, mode: str) -> float:
        """Median over the rounds of the CPU time per frame, over that of the open mine in the same round."""
        return median(_cpu_ms(each[mode]) / _cpu_ms(each[OPEN]) for each in self.rounds)

    def age_ms(self, mode: str) -> float:
        """Median of the p50 age in ms."""
        return median(each[mode].age_ms_p50 or 0.0 for each in self.rounds)

    def added_age_ms(self, mode: str) -> float:
        """Median over the rounds of the p50 age in ms, less that of the open mine in the same round."""
        return median(self._added_ages_ms(mode))

    def added_age_range_ms(self, mode: str) -> tuple[float, float]:
        """The first and the third quartile of what `added_age_ms` is the median of."""
        low, high = np.percentile(self._added_ages_ms(mode), (25, 75))
        return float(low), float(high)

    def _added_ages_ms(self, mode: str) -> list[float]:
        return [(each[mode].age_ms_p50 or 0.0) - (each[OPEN].age_ms_p50 or 0.0) for each in self.rounds]


def measure_protection(
    load: Load, streams: Sequence[Path], folder: Path, rounds: int, progress: ProgressCallback
) -> Protection:
    """Run the mine in every mode at once, round by round.

    The modes share whatever else the machine does in that time: one after the other, two open mines differ by more than an
    open one and an encrypted one.

    Args:
        load: The cameras of each mine.
        streams: Video files of all cameras of all modes, as of `write_drifting_streams`.
        folder: For the files of the mines.
        rounds: How often.
        progress: Called with the number of ended rounds.

    Raises:
        MineFailedError: A mine did not start, or did not end in order.
    """
    found = Protection(load)
    for number in range(rounds):
        progress(number, rounds)
        with ThreadPoolExecutor(len(MODES)) as threads:  # a thread waits for the process of each mine
            runs = {
                mode: threads.submit(
                    measure_load, load, streams[place :: len(MODES)], folder / f"protection-{number}-{place}", MODES[mode]
                )
                for place, mode in enumerate(_shuffled(list(MODES), number))
            }
            found.rounds.append({mode: run.result() for mode, run in runs.items()})
    progress(rounds, rounds)
    return found


def _shuffled(modes: list[str], seed: int) -> Sequence[str]:
    random.Random(seed).shuffle(modes)
    return modes


def _cpu_ms(run: SustainedLoad) -> float:
    """CPU time in ms per delivered frame, over all processes of the mine."""
    return 1000 * run.cpu_s / max(1.0, sum(run.fps) * run.span_s)
