"""Plots of the picture quality, as PNG."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from davy_bench.methods.methods import DAVY, RAW
from davy_bench.quality.flicker import Trace
from davy_bench.quality.scores import Scores

DAVY_COLOUR, OTHER_COLOUR, GREY = "#c8501e", "#3a6ea5", "#8a8a8a"


def plot_pictures(path: Path, scores: Scores) -> Path:
    """Plot the PSNR of every picture: Davy and the best baseline over raw."""
    means = scores.means()
    others = [name for name in scores.methods if name not in (RAW, DAVY)]
    figure, axes = _figure(f"{scores.title}: all pictures")
    raw = scores.column("psnr_db", RAW)
    if others:
        best = max(others, key=lambda name: means[name]["psnr_db"])
        axes.scatter(raw, scores.column("psnr_db", best), s=18, color=OTHER_COLOUR, label=best, alpha=0.8)
    axes.scatter(raw, scores.column("psnr_db"), s=22, color=DAVY_COLOUR, label=DAVY)
    ends = [min(raw), max(max(raw), max(scores.column("psnr_db")))]
    axes.plot(ends, ends, color=GREY, linewidth=1, label="no change")
    axes.set_xlabel("PSNR of the raw picture / dB")
    axes.set_ylabel("PSNR of the result / dB")
    return _save(path, figure, axes)


def plot_cost(path: Path, scores: Scores) -> Path:
    """Plot the mean PSNR over the time per picture."""
    figure, axes = _figure(f"{scores.title}: quality over cost, one thread")
    for name, means in scores.means().items():
        if name == RAW:
            axes.axhline(means["psnr_db"], color=GREY, linewidth=1)
            continue
        colour = DAVY_COLOUR if name == DAVY else OTHER_COLOUR
        axes.scatter([means["ms"]], [means["psnr_db"]], s=40, color=colour)
        axes.annotate(name, (means["ms"], means["psnr_db"]), xytext=(6, 4), textcoords="offset points", color=colour)
    axes.set_xscale("log")
    axes.margins(0.15, 0.1)  # space for the names
    axes.set_xlabel("ms per picture")
    axes.set_ylabel("PSNR / dB (line: raw)")
    return _save(path, figure, None)


def plot_histogram(path: Path, title: str, label: str, values: Sequence[float], limit: float) -> Path:
    """Plot a histogram of the values, and the limit as a line."""
    figure, axes = _figure(title)
    axes.hist(values, bins=30, color=DAVY_COLOUR)
    axes.axvline(limit, color="black", linewidth=1, linestyle="--", label=f"limit: {limit:g}")
    axes.set_xlabel(label)
    axes.set_ylabel("pictures")
    return _save(path, figure, axes)


def plot_traces(path: Path, traces: Mapping[str, Trace]) -> Path:
    """Plot the mean luma over time, gain-aligned raw and enhanced, with one panel per trace."""
    columns = 3
    lines = -(-len(traces) // columns)
    figure = Figure(figsize=(13, 2.4 * lines), layout="constrained")
    for index, (name, trace) in enumerate(traces.items()):
        axes = figure.add_subplot(lines, columns, index + 1)
        axes.plot(trace.times_s, trace.aligned, color=GREY, label="raw, gain-aligned")
        axes.plot(trace.times_s, trace.enhanced, color=DAVY_COLOUR, label="enhanced")
        axes.set_title(name, fontsize=9)
        axes.set_xlabel("s")
        axes.set_ylabel("mean luma")
        axes.legend(fontsize=7)
    return _save(path, figure, None)


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.25)
    return figure, axes


def _save(path: Path, figure: Figure, legend: Axes | None) -> Path:
    if legend is not None:
        legend.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, metadata={"Software": None})
    return path
