"""`davy bench`: measure picture quality, on one thread for comparable times, and speed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import cv2
import typer

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.datasets.cases import Case, paired_cases, unpaired_cases
from davy_bench.datasets.relit import bundled_photographs, folder_photographs, relit_cases
from davy_bench.datasets.simulated import mine_cases
from davy_bench.datasets.well_lit import psnr_table, well_lit_cases
from davy_bench.load.isolation import sites
from davy_bench.load.scale import scale
from davy_bench.methods.baselines import BASELINES
from davy_bench.methods.methods import select_methods
from davy_bench.people.cli import intruders_command, people
from davy_bench.quality import results
from davy_bench.quality.checks import check_table, clipped_check, flicker_checks, mine_checks, over_clipped, well_lit_check
from davy_bench.quality.flicker import flicker_table, traces
from davy_bench.quality.plots import plot_histogram, plot_traces
from davy_bench.quality.report import write_report
from davy_bench.quality.results import WELL_LIT_DB, SheetLayout
from davy_bench.quality.scores import Scores, score
from davy_bench.quality.table import markdown
from davy_bench.real_cli import blind, real
from davy_bench.speed.cli import speed
from davy_bench.speed.video_cli import video
from davy_bench.terminal import bar, bars, parse_size, print_written, report_errors

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Measure picture quality and speed in comparison with other methods.",
)
app.command()(speed)
app.command()(real)
app.command()(blind)
app.command()(people)
app.command()(video)
app.command()(scale)
app.command()(sites)
app.command("intruders")(intruders_command)
ALL = ",".join(BASELINES)

Model = Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")]
Out = Annotated[Path | None, typer.Option(help="Folder of tables, sheet and plots. Default: runs/bench/COMMAND.")]
Methods = Annotated[str, typer.Option(help="Baselines, separated by commas; '' for none.")]
Seeds = Annotated[str, typer.Option(help="Seeds, separated by commas; at least 900, as training uses lower ones.")]
Rows = Annotated[int, typer.Option(min=1, help="Number of pictures on the contact sheet.")]
Names = Annotated[list[str] | None, typer.Option("--show", help="Name of a picture for the contact sheet. Repeatable.")]


@app.callback()
def one_thread() -> None:
    """Measure picture quality and speed in comparison with other methods."""
    cv2.setNumThreads(1)


@app.command()
def quality(
    low: Annotated[Path, typer.Argument(help="Folder of dark pictures.")],
    high: Annotated[Path | None, typer.Argument(help="Folder of references with the same names.")] = None,
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = results.SHEET_ROWS,
    show: Names = None,
) -> None:
    """Measure a folder of pictures, with or without references."""
    with report_errors():
        cases = paired_cases(low, high) if high is not None else unpaired_cases(low)
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
    rows: Rows = results.SHEET_ROWS,
) -> None:
    """Measure the simulated mine against its ground@@reference, per camera, and its flicker."""
    with report_errors():
        chosen, shape = _numbers(seeds), parse_size(size)
        scores = _score("mine", "simulated mine", mine_cases(chosen, frames, shape), model, methods, out, SheetLayout(rows))
        print("\n" + "\n".join(check_table(mine_checks(scores))))
        if video:
            with bar("video") as progress:
                recorded = traces(chosen[0], shape, StillEnhancer(model), progress)
            print("\n" + "\n".join([*flicker_table(recorded), "", *check_table(flicker_checks(recorded))]))
            print_written([plot_traces(_out(out, "mine") / "mine-flicker.png", recorded)])


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
    rows: Rows = results.SHEET_ROWS,
) -> None:
    """Compare photographs relit as a mine with the originals. `make train QUICK=1` trains on the default ones."""
    with report_errors():
        photographs = folder_photographs(folder) if folder else bundled_photographs()
        cases = relit_cases(photographs, _numbers(seeds))
        _score("relit", "photographs relit as a mine", cases, model, methods, out, SheetLayout(rows))


@app.command("well-lit")
def well_lit(
    folder: Annotated[Path, typer.Argument(help="Well-lit photographs.")],
    model: Model = None,
    out: Out = None,
    methods: Methods = "",
    rows: Rows = results.SHEET_ROWS,
) -> None:
    """Compare enhanced well-lit pictures with the originals: they should stay unchanged."""
    with report_errors():
        scores = _score("well-lit", "well-lit pictures", well_lit_cases(folder), model, methods, out, SheetLayout(rows))
        print("\n" + "\n".join([*psnr_table(scores), "", *check_table([well_lit_check(scores)])]))
        path = _out(out, "well-lit") / "well-lit-histogram.png"
        print_written([plot_histogram(path, scores.title, "PSNR against itself / dB", scores.column("psnr_db"), WELL_LIT_DB)])


@app.command()
def frames(
    folder: Annotated[Path, typer.Argument(help="Real frames, without references.")],
    model: Model = None,
    out: Out = None,
    methods: Methods = "",
    rows: Rows = 8,
) -> None:
    """Measure the growth of clipped highlights in real frames."""
    with report_errors():
        scores = _score(
            "frames", "/".join(folder.resolve().parts[-2:]), unpaired_cases(folder), model, methods, out, SheetLayout(rows)
        )
        print("\n" + "\n".join(check_table([clipped_check(scores)])))
        for name in over_clipped(scores)[:20]:
            print(f"- {name}")


@app.command()
def report(
    data: Annotated[Path | None, typer.Option(help="Folder with val/lol20 and train/; missing folders are skipped.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the page, its plots and the public sheets.")] = Path("docs/quality"),
    private: Annotated[Path, typer.Option(help="Folder of the sheets with photographs of the data set.")] = Path(
        "runs/bench/report"
    ),
    model: Model = None,
    every: Annotated[int, typer.Option(min=1, help="Use only every n-th well-lit picture and real frame.")] = 1,
) -> None:
    """Write README.md with all figures and acceptance checks."""
    with report_errors(), bars() as add_bar:
        page, checks = write_report(data, out, private, StillEnhancer(model), every, add_bar)
    print("\n".join(check_table(checks)))
    print(f"\n{sum(check.passed for check in checks)} of {len(checks)} checks passed")
    print_written([page])


def _score(
    command: str, title: str, cases: Sequence[Case], model: Path | None, methods: str, out: Path | None, layout: SheetLayout
) -> Scores:
    """Measure the cases, print the table and write the files."""
    still = StillEnhancer(model)
    chosen = select_methods([name.strip() for name in methods.split(",") if name.strip()], still)
    with bar(command) as progress:
        scores = score(title, cases, chosen, still.model, progress)
    print(markdown(scores))
    print_written(results.write_results(scores, command, _out(out, command), layout))
    return scores


def _out(out: Path | None, command: str) -> Path:
    return out or Path("runs/bench") / command


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(number) for number in text.split(","))
    except ValueError as error:
        raise ConfigError(f"{text!r} is not a list of seeds: write numbers separated by commas, such as 907,911") from error
