"""A measurement: processes that make the load, and what the aggregators spend on it."""

import itertools
import multiprocessing
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import psutil

from davy.domain.errors import ScaleTestError
from davy_bench.load.figures import Figures
from davy_bench.load.pictures import Pictures
from davy_bench.load.plan import LoadPlan, Share, Target, shares
from davy_bench.load.usage import Usage, usages
from davy_bench.load.worker import CONNECT_S, DRAIN_S, work

SETTLE_S = 3.0
START_S = 60.0  # imports of a process on a busy machine


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did.

    Attributes:
        plan: The load.
        figures: What edges and viewers counted.
        connected: Edges that were connected when the measurement began.
        usage: CPU and memory of each aggregator; empty if they are not to be seen.
    """

    plan: LoadPlan
    figures: Figures
    connected: int
    usage: Sequence[Usage]

    @property
    def lost(self) -> int:
        """Pictures that edges took and no aggregator has: without a credit in time, or without an answer."""
        counts = self.figures.counts
        return counts["captured"] - counts["accepted"]

    @property
    def delivered(self) -> float:
        """Pictures at viewers over those that their tiles are due."""
        plan = self.plan
        due = plan.viewers * min(plan.tiles, plan.all_cameras) * plan.shown_fps * self.figures.span_s
        return self.figures.counts["pictures"] / due if due else 1.0

    @property
    def generator_cores(self) -> list[float]:
        """Busy cores of each process of the generator."""
        return [each / self.figures.span_s for each in self.figures.cpu_s] if self.figures.span_s else []


@dataclass(frozen=True, slots=True)
class SiteLoad:
    """The load of one site.

    Attributes:
        plan: What its edges and viewers do.
        target: Its aggregators.
        watched: Those that run on this machine; otherwise their /metrics are read.
        cores: Numbers of the cores of its generator; empty: any.
        yields: Whether its generator takes the processor only when nothing else does, as if it were on another machine.
    """

    plan: LoadPlan
    target: Target
    watched: Sequence[psutil.Popen] = ()
    cores: Sequence[int] = ()
    yields: bool = False


def measure(
    plan: LoadPlan,
    target: Target,
    pictures: Pictures,
    processes: int = 0,
    watched: Sequence[psutil.Popen] = (),
) -> LoadResult:
    """Run a load from several processes.

    Args:
        plan: The load.
        target: The aggregators.
        pictures: What the edges send.
        processes: Number of processes of the generator; 0: one per core.
        watched: The aggregators' processes where they run on this machine; otherwise their /metrics are read.

    Raises:
        ScaleTestError: a process of the generator failed, or no edge was let in.
    """
    return measure_sites([SiteLoad(plan, target, watched)], pictures, processes or os.cpu_count() or 1)[0]


def measure_sites(loads: Sequence[SiteLoad], pictures: Pictures, processes: int = 1) -> list[LoadResult]:
    """Run the loads of several sites during the same seconds, each from processes of its own.

    Args:
        loads: At least one; all measure for as long as the first.
        pictures: What the edges send.
        processes: Number of processes of the generator for each site.

    Raises:
        ScaleTestError: a process of the generator failed, or no edge of a site was let in.
    """
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        pipes = [[_started(context, part, load, pictures, stack) for part in _parts(load.plan, processes)] for load in loads]
        connected = [sum(_receive(pipe, START_S + CONNECT_S) for pipe in each) for each in pipes]
        for load, count in zip(loads, connected, strict=True):
            if load.plan.edges and not count:
                raise ScaleTestError(f"no edge of site {load.plan.site} is let in by {', '.join(load.target.grpc)}")
        start_s = time.time() + SETTLE_S
        end_s = start_s + loads[0].plan.seconds
        for pipe in itertools.chain.from_iterable(pipes):
            pipe.send((start_s, end_s))
        with ThreadPoolExecutor(len(loads), "load.usage") as threads:
            usage = list(threads.map(lambda load: usages(load.target, load.watched, start_s, end_s), loads))
        figures = [_sum(_receive(pipe, DRAIN_S + START_S) for pipe in each) for each in pipes]
    parts = zip(loads, figures, connected, usage, strict=True)
    return [LoadResult(load.plan, counted, count, used) for load, counted, count, used in parts]


def _parts(plan: LoadPlan, processes: int) -> list[Share]:
    return list(shares(plan, min(processes, max(plan.edges, plan.viewers, 1))))


def _sum(parts: Iterable[Figures]) -> Figures:
    total = Figures()
    for each in parts:
        total.add(each)
    return total


def _started(context: SpawnContext, part: Share, load: SiteLoad, pictures: Pictures, stack: ExitStack) -> Connection:
    here, there = context.Pipe()
    stack.callback(here.close)
    process: SpawnProcess = context.Process(
        target=work, args=(there, part, load.plan, load.target, pictures), name=f"load-{part.number}", daemon=True
    )
    process.start()
    if load.cores:
        psutil.Process(process.pid).cpu_affinity(list(load.cores))
    if load.yields and process.pid is not None:
        os.sched_setscheduler(process.pid, os.SCHED_IDLE, os.sched_param(0))
    there.close()
    stack.callback(_end, process)
    return here


def _end(process: SpawnProcess) -> None:
    process.join(2.0)
    if process.is_alive():
        process.kill()
        process.join()


def _receive(pipe: Connection, timeout_s: float) -> Any:  # noqa: ANN401  # a number, then figures
    try:
        if pipe.poll(timeout_s):
            return pipe.recv()
    except (EOFError, OSError) as error:
        raise ScaleTestError("a process of the generator ended") from error
    raise ScaleTestError(f"a process of the generator does not answer within {timeout_s:.0f} s")
