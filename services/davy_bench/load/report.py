"""The result of a load as a table and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from davy_bench.load.figures import percentile_ms
from davy_bench.load.run import LoadResult
from davy_bench.quality.table import grid

BUSY = 0.9  # of a core: above it a process of the generator may hold the load up
LATE_MS = 100.0  # p99 of the generator's own lateness


def as_json(result: LoadResult) -> dict[str, Any]:
    """Return every figure of a result."""
    figures, plan = result.figures, result.plan
    return {
        "plan": asdict(plan),
        "connected_edges": result.connected,
        "span_s": round(figures.span_s, 2),
        "frames": {
            "captured": figures.counts["captured"],
            "accepted": figures.counts["accepted"],
            "unsent": figures.counts["unsent"],
            "lost": result.lost,
            "per_s": round(figures.counts["accepted"] / figures.span_s, 1) if figures.span_s else None,
            "credit_ms": _times(figures.ingest_s),
        },
        "viewers": {
            "pictures": figures.counts["pictures"],
            "delivered": round(result.delivered, 4),
            "mbit_s": round(figures.counts["picture-bytes"] * 8e-6 / figures.span_s, 1) if figures.span_s else None,
            "age_ms": _times(figures.ages_s),
            "states": figures.counts["states"],
            "state_bytes": figures.counts["state-bytes"],
            "events": figures.counts["window-events"],
        },
        "events": {"reported": figures.counts["events"], "stored": figures.counts["events-stored"]},
        "disconnects": figures.counts["disconnects"],
        "errors": sorted(figures.errors)[:20],
        "aggregators": [asdict(each) for each in result.usage],
        "generator": {
            "cores": [round(each, 2) for each in result.generator_cores],
            "late_ms": _times(figures.late_s),
            "is_bottleneck": is_bottleneck(result),
        },
    }


def is_bottleneck(result: LoadResult) -> bool:
    """Return whether the generator itself is too slow for the load, so that its figures say little of the aggregator."""
    late_ms = percentile_ms(result.figures.late_s, 99) or 0.0
    return late_ms > LATE_MS or any(cores > BUSY for cores in result.generator_cores)


def table(result: LoadResult) -> list[str]:
    """Return the figures of a result as lines of Markdown."""
    found, plan = as_json(result), result.plan
    frames, viewers = found["frames"], found["viewers"]
    sources = f"{plan.edges} edges x {plan.cameras} cameras x {plan.fps:g} fps"
    delivered = f"{100 * viewers['delivered']:.1f} % of due"
    rows = [
        ("load", f"{sources}, {plan.viewers} viewers x {plan.tiles} tiles{', the same' * plan.same}"),
        ("frames accepted", f"{frames['accepted']} of {frames['captured']} ({frames['per_s']}/s), {frames['lost']} lost"),
        ("time to credit p50, p99", _span(frames["credit_ms"])),
        ("pictures at viewers", f"{viewers['pictures']} ({delivered}), {viewers['mbit_s']} Mbit/s"),
        ("age at viewers p50, p99", _span(viewers["age_ms"])),
        ("states at viewers", f"{viewers['states']}, {viewers['state_bytes'] / 1e6:.2f} MB"),
        ("events", f"{found['events']['stored']} of {found['events']['reported']} stored, {viewers['events']} at viewers"),
        ("disconnects", str(found["disconnects"])),
    ]
    rows += [
        (f"aggregator {each.name}", f"{each.cores:.2f} cores, {each.resident_mib:.0f} MiB; /metrics {_scrape(each)}")
        for each in result.usage
    ]
    generator = found["generator"]
    note = ": TOO SLOW FOR THIS LOAD, use more machines" if generator["is_bottleneck"] else ""
    busy = ", ".join(f"{cores:.2f}" for cores in generator["cores"])
    rows.append((f"generator{note}", f"cores {busy}; late p99 {generator['late_ms']['p99']} ms"))
    return grid(("figure", "value"), rows)


def _scrape(usage: Any) -> str:  # noqa: ANN401  # Usage
    return f"{usage.scrape_bytes / 1000:.1f} kB in {usage.scrape_ms:.0f} ms" if usage.scrape_bytes else "not readable"


def _times(times_s: list[float]) -> Mapping[str, float | None]:
    return {"p50": percentile_ms(times_s, 50), "p99": percentile_ms(times_s, 99), "max": percentile_ms(times_s, 100)}


def _span(times: Mapping[str, float | None]) -> str:
    return f"{times['p50']} ms, {times['p99']} ms"
