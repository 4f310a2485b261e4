"""Plots of the speed, as PNG."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from davy_bench.quality.plots import DAVY_COLOUR, GREY, OTHER_COLOUR
from davy_bench.speed.frames import SIZES
from davy_bench.speed.load import MAX_AGE_MS, SustainedLoad, saturation_point
from davy_bench.speed.methods import CLAHE, COPY, DAVY_PATHS, LUT, STILL, VIDEO
from davy_bench.speed.result import Speed

STYLES = {VIDEO: "-", STILL: "--", CLAHE: "-", LUT: ":", COPY: ":"}


def plot_pixels(path: Path, speed: Speed) -> Path:
    """Plot ms per frame over megapixels, one thread, both axes logarithmic: linear growth has slope 1."""
    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot()
    sizes = list(speed.timings)
    millions = [SIZES[size][0] * SIZES[size][1] / 1e6 for size in sizes]
    for name, threads in speed.timings[sizes[0]]:
        if threads != 1:
            continue
        values = [speed.median_ms(size, (name, 1)) for size in sizes]
        colour = DAVY_COLOUR if name in DAVY_PATHS else GREY if name in (COPY, LUT) else OTHER_COLOUR
        axes.plot(millions, values, STYLES.get(name, "-."), marker="o", markersize=4, color=colour)
        axes.annotate(name, (millions[-1], values[-1]), xytext=(6, -3), textcoords="offset points", color=colour, fontsize=8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(millions, sizes, minor=False)
    axes.set_xticks([], minor=True)
    axes.set_xlim(millions[0] / 1.3, millions[-1] * 6)  # space for the names
    axes.set_ylabel("ms per frame, one thread")
    axes.grid(alpha=0.25)
    return _save(path, figure)


def plot_ratios(path: Path, speed: Speed, size: str) -> Path:
    """Plot the time over that of CLAHE on LAB at one size, one thread, with quartiles."""
    over = {key[0]: quartiles for key, quartiles in speed.ratios(size).items() if key[1] == 1}
    names = sorted(over, key=lambda name: -over[name].median)
    figure = Figure(figsize=(7, 0.4 * len(names) + 1.2), layout="constrained")
    axes = figure.add_subplot()
    medians = [over[name].median for name in names]
    errors = [
        [over[name].median - over[name].low for name in names],
        [over[name].high - over[name].median for name in names],
    ]
    axes.barh(names, medians, xerr=errors, color=[DAVY_COLOUR if name in DAVY_PATHS else OTHER_COLOUR for name in names])
    axes.axvline(1, color="black", linewidth=1, linestyle="--")
    for row, name in enumerate(names):
        axes.annotate(
            f"{over[name].median:.2f}", (over[name].high, row), xytext=(6, -3), textcoords="offset points", fontsize=8
        )
    axes.margins(x=0.12)
    axes.set_xlabel(f"time over CLAHE on LAB, {size}, one thread (bars: quartiles)")
    return _save(path, figure)


def plot_cameras(path: Path, cameras: Sequence[SustainedLoad]) -> Path:
    """Plot frame rate, age and cores over the number of cameras, with the saturation point."""
    ordered = sorted(cameras, key=lambda sustained: sustained.load.cameras)
    counts = [sustained.load.cameras for sustained in ordered]
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    rates, ages, cores = figure.subplots(1, 3)
    rates.plot(
        counts, [sustained.load.cameras * sustained.load.fps for sustained in ordered], ":", color=GREY, label="captured"
    )
    rates.plot(counts, [sum(sustained.fps) for sustained in ordered], marker="o", color=DAVY_COLOUR, label="delivered")
    rates.set_ylabel("frames per second, all cameras")
    known = [sustained for sustained in ordered if sustained.age_ms_p50 is not None and sustained.age_ms_p99 is not None]
    for label, style, values in (
        ("p99, slowest camera", "-", [sustained.age_ms_p99 or 0.0 for sustained in known]),
        ("p50, slowest camera", "--", [sustained.age_ms_p50 or 0.0 for sustained in known]),
    ):
        ages.plot([sustained.load.cameras for sustained in known], values, style, marker="o", color=DAVY_COLOUR, label=label)
    ages.axhline(MAX_AGE_MS, color=GREY, linestyle=":", label="limit")
    ages.set_ylabel("age at the subscriber / ms")
    cores.plot(counts, [sustained.cores for sustained in ordered], marker="o", color=DAVY_COLOUR, label="complete mine")
    cores.set_ylabel("busy processor cores")
    for axes in (rates, ages, cores):
        if point := saturation_point(ordered):
            axes.axvline(point, color="black", linewidth=1, linestyle="--", label=f"saturation: {point}")
        axes.set_xscale("log", base=2)
        axes.set_xticks(counts, [str(count) for count in counts])
        axes.set_xlabel("cameras")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.25)
        axes.legend(fontsize=7)
    return _save(path, figure)


def _save(path: Path, figure: Figure) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    return path
