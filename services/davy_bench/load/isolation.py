"""`davy bench sites`: several sites on one machine and one PostgreSQL, of which one floods; what the others feel of it."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError
from davy_bench.load.engines import postgres
from davy_bench.load.figures import Figures, percentile_ms
from davy_bench.load.local import Options
from davy_bench.load.pictures import Pictures, jpeg_pictures
from davy_bench.load.plan import LoadPlan
from davy_bench.load.run import LoadResult, SiteLoad, measure_sites
from davy_bench.load.scale import machine
from davy_bench.load.sites import local_sites, site_plans, sites_table
from davy_bench.quality.table import grid
from davy_bench.terminal import parse_size, print_written, report_errors

QUOTA = 2.0  # times what a site sends without a flood
LIMIT = 1.2  # of the others' p99 age without a flood
HEADS = ("processor", "the others' p99 age", "with the flood", "ratio", "time to credit p99", "with the flood", "ratio", "lost")
PAGE = """# Several sites on one machine

`make sites` writes this page. {count} sites run on one machine ({machine}), each with a broker and an aggregator of its own,
all in one PostgreSQL with a schema each. Certificates and tokens are on. Each site has {load}.
Then {flooding} floods with {factor:g} times the pictures. Rounds without and with the flood take turns, {rounds} of each,
{seconds:g} s each. Times are in ms, of all pictures of the other sites together.
[How to test the load of a site](../how-to/load-test.md) explains the generator, which runs on the same cores.
That of {flooding} takes the processor only when nothing else does, as edges are other machines.

{table}

*Shared*: the operating system divides the processor. *Shared, quota*: the same, and each aggregator takes {quota:g} frames per
second by `DAVY_AGGREGATOR_MAX_FRAMES_S`, {times:g} times what its site sends without a flood: edges send only what they have
credits for. *Own cores*: the aggregator and the generator of {flooding} have one core, and those of the other sites have the
rest. The aim is a ratio of at most {limit:g} for the age. Lost are pictures of the other sites.

{details}
"""


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the sites that do not flood felt.

    Attributes:
        calm: Their figures of all rounds without the flood.
        flooded: Their figures of all rounds with it.
        last: The results of the last round of each kind, of all sites.
    """

    calm: Figures
    flooded: Figures
    last: tuple[Sequence[LoadResult], Sequence[LoadResult]]

    @property
    def age_ratio(self) -> float:
        """p99 of the age at viewers with the flood over that without; nan without pictures."""
        return _ratio(self.flooded.ages_s, self.calm.ages_s)

    @property
    def credit_ratio(self) -> float:
        """p99 of the time to credit with the flood over that without; nan without pictures."""
        return _ratio(self.flooded.ingest_s, self.calm.ingest_s)


def sites(
    sites: Annotated[int, typer.Option(min=2, help="Number of sites.")] = 4,
    edges: Annotated[int, typer.Option(min=1, help="Edges of each site.")] = 50,
    cameras: Annotated[int, typer.Option(min=1, help="Cameras per edge.")] = 1,
    fps: Annotated[float, typer.Option(min=0.01, help="Pictures per second and camera.")] = 1.0,
    viewers: Annotated[int, typer.Option(min=1, help="Open windows of the console of each site.")] = 1,
    tiles: Annotated[int, typer.Option(min=1, help="Cameras that each window shows.")] = 16,
    flood: Annotated[float, typer.Option(min=1, help="Factor by which the first site floods.")] = 40.0,
    size: Annotated[str, typer.Option(help="Picture size of the cameras, WIDTHxHEIGHT.")] = "640x360",
    seconds: Annotated[float, typer.Option(min=1, help="Duration of each round.")] = 15.0,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds of each kind.")] = 2,
    out: Annotated[Path, typer.Option(help="Page of the table.")] = Path("docs/speed/sites.md"),
) -> None:
    """Run several sites on one PostgreSQL, let one flood, and write what the others feel."""
    plan = LoadPlan("site", edges, cameras, fps, viewers, tiles, seconds=seconds)
    with report_errors("davy bench"):
        pictures, cores = jpeg_pictures(parse_size(size)), _cores()
        quota = QUOTA * plan.frames_s
        found = {
            "shared": measure_isolation(plan, pictures, sites, flood, rounds),
            "shared, quota": measure_isolation(plan, pictures, sites, flood, rounds, quota=quota),
        }
        if len(cores) > 1:
            found["own cores"] = measure_isolation(plan, pictures, sites, flood, rounds, own_cores=True)
    typer.echo(_table(found))
    out.write_text(page(plan, sites, flood, rounds, found))
    print_written([out])


def page(plan: LoadPlan, sites: int, flood: float, rounds: int, found: Mapping[str, Isolation]) -> str:
    """Return the page of what was found, by the way in which the sites shared the machine."""
    details = [f"## {name.capitalize()}, last rounds\n\n{_detail(each)}" for name, each in found.items()]
    return PAGE.format(
        count=sites,
        machine=machine(),
        load=f"{plan.edges} edges x {plan.cameras} cameras x {plan.fps:g} fps and {plan.viewers} windows x {plan.tiles} tiles",
        flooding=f"{plan.site}-1",
        factor=flood,
        rounds=rounds,
        seconds=plan.seconds,
        table=_table(found),
        limit=LIMIT,
        quota=QUOTA * plan.frames_s,
        times=QUOTA,
        details="\n\n".join(details),
    )


def measure_isolation(
    plan: LoadPlan,
    pictures: Pictures,
    sites: int,
    flood: float,
    rounds: int,
    *,
    own_cores: bool = False,
    quota: float = 0.0,
) -> Isolation:
    """Run sites on one PostgreSQL, and measure in turn without and with a flood of the first.

    Args:
        plan: The load of each site.
        pictures: What the edges send.
        sites: Number of sites, at least 2.
        flood: Factor of the first site's rate.
        rounds: Measurements of each kind.
        own_cores: Give the first site one core and the others the rest.
        quota: Frames per second that each site's aggregator takes; 0: all.

    Raises:
        ScaleTestError: PostgreSQL is not installed, or a program does not start.
        ConfigError: this machine has one core alone, and own_cores is asked for.
    """
    cores = _cores()
    if own_cores and len(cores) < 2:
        raise ConfigError("cores of its own need a machine of two or more")
    calm, flooded = site_plans(plan, sites), site_plans(plan, sites, [f"{plan.site}-1={flood}"])
    totals, last = (Figures(), Figures()), [list[LoadResult](), list[LoadResult]()]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-sites-")))
        database = stack.enter_context(postgres(folder))
        options = Options(environment={"DAVY_AGGREGATOR_MAX_FRAMES_S": f"{quota:g}"})
        loads = list(stack.enter_context(local_sites(calm, folder, options, database)))
        loads[0] = replace(loads[0], yields=True)
        if own_cores:
            loads = [_on(load, cores[:1] if number == 0 else cores[1:]) for number, load in enumerate(loads)]
        for _ in range(rounds):
            for number, plans in enumerate((calm, flooded)):
                wanted = [replace(load, plan=each) for load, each in zip(loads, plans, strict=True)]
                last[number] = measure_sites(wanted, pictures)
                for result in last[number][1:]:
                    totals[number].add(result.figures)
    return Isolation(*totals, (last[0], last[1]))


def _on(load: SiteLoad, cores: Sequence[int]) -> SiteLoad:
    for process in load.watched:
        for thread in process.threads():
            os.sched_setaffinity(thread.id, cores)
    return replace(load, cores=cores)


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def _table(found: Mapping[str, Isolation]) -> str:
    return "\n".join(grid(HEADS, [_row(name, each) for name, each in found.items()]))


def _row(name: str, found: Isolation) -> tuple[str, ...]:
    return (
        name,
        f"{percentile_ms(found.calm.ages_s, 99)}",
        f"{percentile_ms(found.flooded.ages_s, 99)}",
        f"{found.age_ratio:.2f}",
        f"{percentile_ms(found.calm.ingest_s, 99)}",
        f"{percentile_ms(found.flooded.ingest_s, 99)}",
        f"{found.credit_ratio:.2f}",
        f"{_lost(found.calm)}, {_lost(found.flooded)}",
    )


def _detail(found: Isolation) -> str:
    calm, flooded = ("\n".join(sites_table(each)) for each in found.last)
    return f"{calm}\n\nWith the flood:\n\n{flooded}"


def _lost(figures: Figures) -> int:
    return figures.counts["captured"] - figures.counts["accepted"]


def _ratio(above_s: list[float], below_s: list[float]) -> float:
    above, below = percentile_ms(above_s, 99), percentile_ms(below_s, 99)
    return above / below if above is not None and below else float("nan")
