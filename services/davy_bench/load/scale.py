"""A site of several aggregators on this machine: PostgreSQL, Redis or Valkey, Mosquitto and HAProxy around them."""

import os
import platform
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from davy.adapters.embedded.servers import embedded_store
from davy_bench.load.engines import haproxy, postgres
from davy_bench.load.figures import span_ms
from davy_bench.load.local import Options, local_site
from davy_bench.load.pictures import Pictures, jpeg_pictures
from davy_bench.load.plan import LoadPlan, Target
from davy_bench.load.run import LoadResult, measure
from davy_bench.quality.table import grid
from davy_bench.terminal import parse_size, print_written, report_errors

HEADS = ("aggregators", "frames/s", "of one", "frames/s per core", "lost", "at viewers", "age p50, p99 ms", "cores of each")
PAGE = """# Several aggregators

`make scale` writes this page. Sites of {replicas} aggregators run in turn on one machine ({machine}). Every program is a
process, and each aggregator has a core of its own. PostgreSQL holds the record, Redis or Valkey carries frames between
aggregators, HAProxy spreads edges and viewers. Certificates and tokens are on.
[How to test the load of a site](../how-to/load-test.md) explains the generator.

{load}

{table}

The generator runs on the same cores ({generator}). Where these are all busy, several aggregators get less than a core each:
frames/s per core then tells how the work divides.
"""


def scale(
    replicas: Annotated[str, typer.Option(help="Numbers of aggregators, separated by commas.")] = "1,2",
    edges: Annotated[int, typer.Option(min=1, help="Number of edges.")] = 120,
    cameras: Annotated[int, typer.Option(min=1, help="Cameras per edge.")] = 5,
    fps: Annotated[float, typer.Option(min=0.01, help="Pictures per second and camera.")] = 10.0,
    viewers: Annotated[int, typer.Option(min=0, help="Open windows of the console.")] = 4,
    tiles: Annotated[int, typer.Option(min=1, help="Cameras that each window shows.")] = 4,
    events: Annotated[float, typer.Option(min=0, help="Events per second of all edges.")] = 20.0,
    size: Annotated[str, typer.Option(help="Picture size of the cameras, WIDTHxHEIGHT.")] = "640x360",
    seconds: Annotated[float, typer.Option(min=1, help="Duration of each measurement.")] = 20.0,
    pin: Annotated[bool, typer.Option(help="Give each aggregator a core of its own.")] = True,
    out: Annotated[Path, typer.Option(help="Page of the table.")] = Path("docs/speed/scale.md"),
) -> None:
    """Run sites of one and of several aggregators behind HAProxy, and write a table."""
    plan = LoadPlan("load", edges, cameras, fps, viewers, tiles, events=events, seconds=seconds)
    numbers = [int(number) for number in replicas.split(",")]
    with report_errors("davy bench"):
        pictures = jpeg_pictures(parse_size(size))
        results = [measure_replicas(plan, pictures, number, pin=pin) for number in numbers]
    table = "\n".join(grid(HEADS, rows(numbers, results)))
    typer.echo(table)
    parts = {
        "replicas": " and ".join(map(str, numbers)),
        "machine": machine(),
        "load": _load(plan),
        "table": table,
        "generator": _generator(results),
    }
    out.write_text(PAGE.format(**parts))
    print_written([out])


def measure_replicas(plan: LoadPlan, pictures: Pictures, replicas: int, *, pin: bool) -> LoadResult:
    """Run a number of aggregators with their engines, and put the load on HAProxy.

    Raises:
        ScaleTestError: an engine is not installed, or a program does not start.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="davy-scale-")))
        cache, database = stack.enter_context(embedded_store()), stack.enter_context(postgres(folder))
        options = Options(replicas=replicas, pin=pin, database=database, cache=cache)
        site = stack.enter_context(local_site(plan, folder, options))
        backends = {"grpc": _hosts(site.target.grpc), "console": _hosts(site.target.console)}
        front = stack.enter_context(haproxy(folder, backends))
        return measure(plan, _behind(site.target, front), pictures, watched=site.processes)


def rows(replicas: Sequence[int], results: Sequence[LoadResult]) -> list[tuple[str, ...]]:
    """Return the rows of the table, the first of which is what the others are compared with."""
    rates = [result.figures.counts["accepted"] / result.figures.span_s for result in results]
    return [
        (
            str(number),
            f"{rate:.0f}",
            f"{rate / rates[0]:.2f}",
            f"{rate / max(0.01, sum(usage.cores for usage in result.usage)):.0f}",
            f"{100 * result.lost / max(1, result.figures.counts['captured']):.1f} %",
            f"{100 * result.delivered:.0f} %",
            span_ms(result.figures.ages_s),
            ", ".join(f"{usage.cores:.2f}" for usage in result.usage),
        )
        for number, rate, result in zip(replicas, rates, results, strict=True)
    ]


def _hosts(endpoints: Sequence[str]) -> list[str]:
    return [urlsplit(each).netloc for each in endpoints]


def _behind(target: Target, front: dict[str, str]) -> Target:
    schemes = urlsplit(target.grpc[0]).scheme, urlsplit(target.console[0]).scheme
    return replace(target, grpc=(f"{schemes[0]}://{front['grpc']}",), console=(f"{schemes[1]}://{front['console']}",))


def machine() -> str:
    """Return what the measurement ran on."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def _load(plan: LoadPlan) -> str:
    return (
        f"{plan.edges} edges x {plan.cameras} cameras x {plan.fps:g} fps, {plan.viewers} viewers x {plan.tiles} tiles,"
        f" {plan.events:g} events/s, {plan.seconds:g} s each."
    )


def _generator(results: Sequence[LoadResult]) -> str:
    return "; ".join(" + ".join(f"{cores:.2f}" for cores in result.generator_cores) for result in results) + " cores"
