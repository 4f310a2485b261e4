"""Several sites under load at once: each has its own edges, viewers and aggregators, and all share the machine."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from davy.domain.errors import ConfigError
from davy_bench.load.figures import span_ms
from davy_bench.load.local import LocalSite, Options, local_site
from davy_bench.load.plan import LoadPlan
from davy_bench.load.report import as_json, is_bottleneck
from davy_bench.load.run import LoadResult, SiteLoad
from davy_bench.quality.table import grid

HEADS = (
    "site",
    "frames/s due",
    "accepted/s",
    "lost",
    "at viewers",
    "credit p50, p99 ms",
    "age p50, p99 ms",
    "cores",
    "generator cores",
)
PLACE = "{site}"


def site_names(site: str, sites: int) -> list[str]:
    """Return the ids of a number of sites: the name itself of one, NAME-1 and so on of several."""
    return [site] if sites == 1 else [f"{site}-{number}" for number in range(1, sites + 1)]


def site_plans(plan: LoadPlan, sites: int, floods: Sequence[str] = ()) -> list[LoadPlan]:
    """Return the load of each site.

    Args:
        plan: Of each.
        sites: Number of sites, at least 1.
        floods: SITE=FACTOR each: that site's edges send FACTOR times the pictures per second.

    Raises:
        ConfigError: a flood names no site of the load, or its factor is no number above 0.
    """
    names = site_names(plan.site, sites)
    factors = _factors(floods, names)
    return [replace(plan, site=name, fps=plan.fps * factors.get(name, 1.0)) for name in names]


def addresses_of(addresses: Sequence[str], site: str, names: Sequence[str]) -> list[str]:
    """Return the addresses of one site.

    Args:
        addresses: URL, SITE=URL, or a URL that contains {site}.
        site: The wanted one.
        names: All sites of the load.

    Raises:
        ConfigError: an address names no site of the load, or does not tell whose it is among several.
    """
    found = []
    for each in addresses:
        name, mark, url = each.partition("=")
        if mark and "://" not in name:
            if name not in names:
                raise ConfigError(f"{each}: the sites of this load are {', '.join(names)}")
            found += [url] if name == site else []
        elif PLACE in each or len(names) == 1:
            found.append(each.replace(PLACE, site))
        else:
            raise ConfigError(f"{each}: several sites need SITE={each}, or {PLACE} in the address")
    return found


@contextmanager
def local_sites(plans: Sequence[LoadPlan], folder: Path, options: Options, database: str = "") -> Iterator[list[SiteLoad]]:
    """Run a broker and the aggregators of each site for the duration of the block.

    Args:
        plans: Of the sites.
        folder: For everything that is written.
        options: How each site is run.
        database: URL of a PostgreSQL database that all share, each in a schema of its name; empty: SQLite of each.

    Raises:
        ScaleTestError: an aggregator does not start.
    """
    with ExitStack() as stack:
        loads = []
        for plan in plans:
            own = folder / plan.site
            own.mkdir()
            shared = replace(options, database=f"{database}?schema={plan.site}") if database else options
            running: LocalSite = stack.enter_context(local_site(plan, own, shared))
            loads.append(SiteLoad(plan, running.target, running.processes))
        yield loads


def sites_table(results: Sequence[LoadResult]) -> list[str]:
    """Return the figures of each site as lines of Markdown."""
    lines = grid(HEADS, [_row(result) for result in results])
    slow = [result.plan.site for result in results if is_bottleneck(result)]
    if slow:
        lines += ["", f"The generator is TOO SLOW for the load of {', '.join(slow)}: use more machines."]
    return lines


def sites_json(results: Sequence[LoadResult]) -> dict[str, Any]:
    """Return every figure of every site."""
    return {"sites": [as_json(result) for result in results]}


def _row(result: LoadResult) -> tuple[str, ...]:
    figures = result.figures
    return (
        result.plan.site,
        f"{result.plan.frames_s:g}",
        f"{figures.counts['accepted'] / max(figures.span_s, 1e-9):.1f}",
        f"{result.lost} ({100 * result.lost / max(1, figures.counts['captured']):.1f} %)",
        f"{figures.counts['pictures']} ({100 * result.delivered:.1f} %)",
        span_ms(figures.ingest_s),
        span_ms(figures.ages_s),
        ", ".join(f"{usage.cores:.2f}" for usage in result.usage),
        ", ".join(f"{cores:.2f}" for cores in result.generator_cores),
    )


def _factors(floods: Sequence[str], names: Sequence[str]) -> Mapping[str, float]:
    found = {}
    for each in floods:
        name, _, text = each.partition("=")
        try:
            factor = float(text)
        except ValueError:
            factor = math.nan
        if name not in names or not 0 < factor < math.inf:
            raise ConfigError(f"--flood {each}: write SITE=FACTOR, as {names[0]}=10; the sites are {', '.join(names)}")
        found[name] = factor
    return found
