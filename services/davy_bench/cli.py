"""`davy bench`: measure picture quality on one thread, so that times are comparable; and `davy bench speed`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import typer

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.datasets.cases import Case, pairs, singles
from davy_bench.datasets.relit import bundled_photographs, folder_photographs, relit_cases
from davy_bench.datasets.simulated import mine_cases
from davy_bench.datasets.well_lit import spread_table, well_lit_cases
from davy_bench.methods.baselines import BASELINES
from davy_bench.methods.methods import choose
from davy_bench.quality import outcome
from davy_bench.quality.checks import check_table, clipped_check, flicker_checks, mine_checks, more_clipped, well_lit_check
from davy_bench.quality.flicker import flicker_table, traces
from davy_bench.quality.outcome import WELL_LIT_DB, SheetLayout
from davy_bench.quality.plots import plot_histogram, plot_traces
from davy_bench.quality.report import write_report
from davy_bench.quality.scores import Scores, score
from davy_bench.quality.table import markdown
from davy_bench.real_cli import blind, real
from davy_bench.speed.cli import speed
from davy_bench.terminal import bar, bars, clear_errors, parse_size, publish

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Measure picture quality and speed beside other methods.",
)
app.command()(speed)
app.command()(real)
app.command()(blind)
ALL = ",".join(BASELINES)

Model = Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")]
Out = Annotated[Path | None, typer.Option(help="Folder of tables, sheet and plots. Default: runs/bench/COMMAND.")]
Methods = Annotated[str, typer.Option(help="Baselines, separated by commas; none: --methods ''.")]
Seeds = Annotated[str, typer.Option(help="Seeds, separated by commas; 900 and higher are held out from training.")]
Rows = Annotated[int, typer.Option(min=1, help="Number of pictures on the sheet, from the worst to the best.")]
Names = Annotated[list[str] | None, typer.Option("--show", help="Name of a picture for the sheet. Repeatable.")]


@app.callback()
def one_thread() -> None:
    """Measure picture quality and speed beside other methods."""
    cv2.setNumThreads(1)


@app.command()
def quality(
    low: Annotated[Path, typer.Argument(help="Folder of dark pictures.")],
    high: Annotated[Path | None, typer.Argument(help="Folder of references with the same names; optional.")] = None,
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = outcome.SHEET_ROWS,
    show: Names = None,
) -> None:
    """Measure a folder of pictures, with or without references."""
    with clear_errors():
        cases = pairs(low, high) if high is not None else singles(low)
        _score("quality", "/".join(low.resolve().parts[-2:]), cases, model, methods, out, SheetLayout(rows, show or ()))


@app.command()
def mine(
    seeds: Seeds = "907,911",
    frames: Annotated[int, typer.Option(min=1, help="Frames per camera and seed.")] = 3,
    size: Annotated[str, typer.Option(help="Picture size, WIDTHxHEIGHT.")] = "1280x720",
    video: Annotated[bool, typer.Option(help="Also measure the flicker of a fixed camera.")] = True,
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = outcome.SHEET_ROWS,
) -> None:
    """Measure the simulated mine against its ground truth, per camera, and its flicker."""
    with clear_errors():
        chosen, shape = _numbers(seeds), parse_size(size)
        scores = _score("mine", "simulated mine", mine_cases(chosen, frames, shape), model, methods, out, SheetLayout(rows))
        print("\n" + "\n".join(check_table(mine_checks(scores))))
        if video:
            with bar("video") as tick:
                found = traces(chosen[0], shape, StillEnhancer(model), tick)
            print("\n" + "\n".join([*flicker_table(found), "", *check_table(flicker_checks(found))]))
            publish([plot_traces(_out(out, "mine") / "mine-flicker.png", found)])


@app.command()
def relit(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Well-lit photographs. Default: those of scikit-image and Matplotlib."),
    ] = None,
    seeds: Seeds = "901,902,903,904",
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = outcome.SHEET_ROWS,
) -> None:
    """Measure photographs relit as a mine against the originals. `make train QUICK=1` trains on the default ones."""
    with clear_errors():
        photographs = folder_photographs(folder) if folder else bundled_photographs()
        cases = relit_cases(photographs, _numbers(seeds))
        _score("relit", "photographs relit as a mine", cases, model, methods, out, SheetLayout(rows))


@app.command("well-lit")
def well_lit(
    folder: Annotated[Path, typer.Argument(help="Well-lit photographs.")],
    model: Model = None,
    out: Out = None,
    methods: Methods = "",
    rows: Rows = outcome.SHEET_ROWS,
) -> None:
    """Measure well-lit pictures against themselves: they should stay unchanged."""
    with clear_errors():
        scores = _score("well-lit", "well-lit pictures", well_lit_cases(folder), model, methods, out, SheetLayout(rows))
        print("\n" + "\n".join([*spread_table(scores), "", *check_table([well_lit_check(scores)])]))
        path = _out(out, "well-lit") / "well-lit-histogram.png"
        publish([plot_histogram(path, scores.title, "PSNR against itself / dB", scores.column("psnr_db"), WELL_LIT_DB)])


@app.command()
def frames(
    folder: Annotated[Path, typer.Argument(help="Real frames, without references.")],
    model: Model = None,
    out: Out = None,
    methods: Methods = "",
    rows: Rows = 8,
) -> None:
    """Measure by how much clipped highlights grow in real frames."""
    with clear_errors():
        scores = _score(
            "frames", "/".join(folder.resolve().parts[-2:]), singles(folder), model, methods, out, SheetLayout(rows)
        )
        print("\n" + "\n".join(check_table([clipped_check(scores)])))
        for name in more_clipped(scores)[:20]:
            print(f"- {name}")


@app.command()
def report(
    data: Annotated[Path | None, typer.Option(help="Folder with val/lol20 and train/; missing parts are skipped.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the page, its plots and the public sheets.")] = Path("docs/quality"),
    private: Annotated[Path, typer.Option(help="Folder of the sheets with photographs of the data set.")] = Path(
        "runs/bench/report"
    ),
    model: Model = None,
    every: Annotated[int, typer.Option(min=1, help="Use only every n-th well-lit picture and real frame.")] = 1,
) -> None:
    """Write one page with all figures and acceptance checks: README.md in --out."""
    with clear_errors(), bars() as begin:
        page, checks = write_report(data, out, private, StillEnhancer(model), every, begin)
    print("\n".join(check_table(checks)))
    print(f"\n{sum(check.reached for check in checks)} of {len(checks)} reached")
    publish([page])


def _score(
    command: str, title: str, cases: Sequence[Case], model: Path | None, methods: str, out: Path | None, layout: SheetLayout
) -> Scores:
    """Judge, print the table, write the files."""
    still = StillEnhancer(model)
    chosen = choose([name.strip() for name in methods.split(",") if name.strip()], still)
    with bar(command) as tick:
        scores = score(title, cases, chosen, still.model, tick)
    print(markdown(scores))
    publish(outcome.write(scores, command, _out(out, command), layout))
    return scores


def _out(out: Path | None, command: str) -> Path:
    return out or Path("runs/bench") / command


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise ConfigError(f"{text!r} is not a list of seeds: write numbers with commas, such as 907,911") from error
