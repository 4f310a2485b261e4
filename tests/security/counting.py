"""What fuzzing did: cases of each surface, the slowest one, those over a second, and the growth of the memory."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

HANG_S = 1.0
MAX_GROWTH_MIB = 64.0  # of aggregator, edge, fuzzer and its generators, in one process
BUSY_LOAD = 2.0  # runnable processes per processor; fuzzing itself makes about one
MIB = 2**20
BUDGET_S = float(os.environ.get("DAVY_FUZZ_S", "0"))


@dataclass(slots=True)
class Surface:
    """What was sent to one surface.

    Attributes:
        name: For people.
        cases: Messages, calls, requests or records.
        slowest_s: The longest time of one step; a step may send several cases.
        hangs: Steps over HANG_S.
        grown_mib: Growth of the process's resident memory, from the end of the first tenth of the time on.
    """

    name: str
    cases: int = 0
    slowest_s: float = 0.0
    hangs: int = 0
    grown_mib: float = 0.0

    @contextmanager
    def step(self, cases: int = 1) -> Iterator[None]:
        """Count what the block sends, and its time."""
        began_s = time.monotonic()
        try:
            yield
        finally:
            took_s = time.monotonic() - began_s
            self.cases += cases
            self.slowest_s = max(self.slowest_s, took_s)
            self.hangs += took_s > HANG_S

    def spend(self, budget_s: float, round_: Callable[[], object]) -> None:
        """Repeat a round until its time is over; at least once. In the long form, nothing may hang, and no memory may go."""
        began_s, first_mib = time.monotonic(), None
        while True:
            round_()
            spent_s = time.monotonic() - began_s
            if first_mib is None and spent_s >= budget_s / 10:
                first_mib = _resident_mib()
            if spent_s >= budget_s:
                break
        self.grown_mib = _resident_mib() - (first_mib or 0)
        if budget_s:
            assert not self.hangs, (
                f"{self.hangs} steps of {self.name} took over {HANG_S:g} s, the slowest {self.slowest_s:.2f} s"
            )
            assert self.grown_mib < MAX_GROWTH_MIB, f"{self.name} grew by {self.grown_mib:.0f} MiB"


def is_busy() -> bool:
    """Whether others keep this machine so busy that its disk and its processors delay any step by seconds."""
    return os.getloadavg()[0] > BUSY_LOAD * (os.cpu_count() or 1)


SURFACES: dict[str, Surface] = {}


def surface(name: str) -> Surface:
    """The counts of a surface, for the table at the end of the tests."""
    return SURFACES.setdefault(name, Surface(name))


def table() -> list[str]:
    """A line for each surface, and the sum; empty if nothing was fuzzed."""
    if not SURFACES:
        return []
    lines = [f"{'surface':<40}{'cases':>12}{'slowest / s':>14}{'over 1 s':>10}{'memory / MiB':>14}"]
    lines += [
        f"{each.name:<40}{each.cases:>12,}{each.slowest_s:>14.3f}{each.hangs:>10}{each.grown_mib:>+14.1f}"
        for each in SURFACES.values()
    ]
    lines.append(f"{'all':<40}{sum(each.cases for each in SURFACES.values()):>12,}")
    return (
        [*lines, f"the machine is busy with other work (load {os.getloadavg()[0]:.0f}): times say little"]
        if is_busy()
        else lines
    )


def _resident_mib() -> float:
    return float(psutil.Process().memory_info().rss) / MIB
