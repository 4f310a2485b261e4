"""`davy bench`: how good the pictures are, on one thread, so that times compare; and `davy bench speed`."""

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
from davy_bench.datasets.well_lit import spread, well_lit_cases
from davy_bench.methods.baselines import BASELINES
from davy_bench.methods.methods import choose
from davy_bench.quality import outcome
from davy_bench.quality.checks import check_table, clipped_check, flicker_checks, grown, mine_checks, well_lit_check
from davy_bench.quality.flicker import flicker_table, traces
from davy_bench.quality.outcome import WELL_LIT_DB, Look
from davy_bench.quality.plots import plot_histogram, plot_traces
from davy_bench.quality.report import write_report
from davy_bench.quality.scores import Verdict, judge
from davy_bench.quality.table import markdown
from davy_bench.speed.cli import speed
from davy_bench.terminal import bar, bars, clear_errors, parse_size, tell

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="How good the pictures are, how fast they come.",
)
app.command()(speed)
ALL = ",".join(BASELINES)

Model = Annotated[Path | None, typer.Option(help="An ONNX file; the shipped one if absent.")]
Out = Annotated[Path | None, typer.Option(help="Folder for tables, sheet and plots; runs/bench/COMMAND if absent.")]
Methods = Annotated[str, typer.Option(help="Baselines beside Davy, with commas; none: --methods ''.")]
Seeds = Annotated[str, typer.Option(help="With commas; 900 and higher, which no training sees.")]
Rows = Annotated[int, typer.Option(min=1, help="Pictures on the sheet: the worst, and some up to the best.")]
Names = Annotated[list[str] | None, typer.Option("--show", help="A picture for the sheet, by name; may be given again.")]


@app.callback()
def one_thread() -> None:
    """How good the pictures are, and how fast they come, beside other methods."""
    cv2.setNumThreads(1)


@app.command()
def quality(
    low: Annotated[Path, typer.Argument(help="Folder of dark pictures.")],
    high: Annotated[Path | None, typer.Argument(help="Folder of references with the same names; may be left out.")] = None,
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = outcome.SHEET_ROWS,
    show: Names = None,
) -> None:
    """Any folder of pictures, with or without references."""
    with clear_errors():
        cases = pairs(low, high) if high is not None else singles(low)
        _judge("quality", "/".join(low.resolve().parts[-2:]), cases, model, methods, out, Look(rows, show or ()))


@app.command()
def mine(
    seeds: Seeds = "907,911",
    frames: Annotated[int, typer.Option(min=1, help="Instants per place and seed.")] = 3,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT.")] = "1280x720",
    video: Annotated[bool, typer.Option(help="Also the flicker of a fixed camera.")] = True,
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = outcome.SHEET_ROWS,
) -> None:
    """The simulated mine, raw against evenly lit, per place; and its flicker."""
    with clear_errors():
        chosen, shape = _numbers(seeds), parse_size(size)
        verdict = _judge("mine", "simulated mine", mine_cases(chosen, frames, shape), model, methods, out, Look(rows))
        print("\n" + "\n".join(check_table(mine_checks(verdict))))
        if video:
            with bar("video") as tick:
                found = traces(chosen[0], shape, StillEnhancer(model), tick)
            print("\n" + "\n".join([*flicker_table(found), "", *check_table(flicker_checks(found))]))
            tell([plot_traces(_out(out, "mine") / "mine-flicker.png", found)])


@app.command()
def relit(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Well-lit photographs that no training saw; scikit-image's and Matplotlib's if absent."),
    ] = None,
    seeds: Seeds = "901,902,903,904",
    model: Model = None,
    out: Out = None,
    methods: Methods = ALL,
    rows: Rows = outcome.SHEET_ROWS,
) -> None:
    """Photographs relit as a mine, against themselves. (A model of `make train QUICK=1` knows the bundled ones.)"""
    with clear_errors():
        photographs = folder_photographs(folder) if folder else bundled_photographs()
        cases = relit_cases(photographs, _numbers(seeds))
        _judge("relit", "photographs relit as a mine", cases, model, methods, out, Look(rows))


@app.command("well-lit")
def well_lit(
    folder: Annotated[Path, typer.Argument(help="Well-lit photographs.")],
    model: Model = None,
    out: Out = None,
    methods: Methods = "",
    rows: Rows = outcome.SHEET_ROWS,
) -> None:
    """Well-lit pictures against themselves: they should come back as they were."""
    with clear_errors():
        verdict = _judge("well-lit", "well-lit pictures", well_lit_cases(folder), model, methods, out, Look(rows))
        print("\n" + "\n".join([*spread(verdict), "", *check_table([well_lit_check(verdict)])]))
        path = _out(out, "well-lit") / "well-lit-histogram.png"
        tell([plot_histogram(path, verdict.title, "PSNR against itself / dB", verdict.column("psnr_db"), WELL_LIT_DB)])


@app.command()
def frames(
    folder: Annotated[Path, typer.Argument(help="Real frames; no references are needed.")],
    model: Model = None,
    out: Out = None,
    methods: Methods = "",
    rows: Rows = 8,
) -> None:
    """Real frames: by how much clipped highlights grow; the worst on the sheet."""
    with clear_errors():
        verdict = _judge("frames", "/".join(folder.resolve().parts[-2:]), singles(folder), model, methods, out, Look(rows))
        print("\n" + "\n".join(check_table([clipped_check(verdict)])))
        for name in grown(verdict)[:20]:
            print(f"- {name}")


@app.command()
def report(
    data: Annotated[Path | None, typer.Option(help="Folder with val/lol20 and train/; what it lacks is left out.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the page, its plots and the sheets that may be shown.")] = Path(
        "docs/quality"
    ),
    private: Annotated[Path, typer.Option(help="Folder of the sheets that show the data's photographs.")] = Path(
        "runs/bench/report"
    ),
    model: Model = None,
    every: Annotated[int, typer.Option(min=1, help="Only every n-th well-lit picture and real frame, to save time.")] = 1,
) -> None:
    """Everything on one page, against the figures that are wanted: README.md in --out."""
    with clear_errors(), bars() as begin:
        page, checks = write_report(data, out, private, StillEnhancer(model), every, begin)
    print("\n".join(check_table(checks)))
    print(f"\n{sum(check.reached for check in checks)} of {len(checks)} reached")
    tell([page])


def _judge(
    command: str, title: str, cases: Sequence[Case], model: Path | None, methods: str, out: Path | None, look: Look
) -> Verdict:
    """Judge, print the table, write the files."""
    still = StillEnhancer(model)
    chosen = choose([name.strip() for name in methods.split(",") if name.strip()], still)
    with bar(command) as tick:
        verdict = judge(title, cases, chosen, still.model, tick)
    print(markdown(verdict))
    tell(outcome.write(verdict, command, _out(out, command), look))
    return verdict


def _out(out: Path | None, command: str) -> Path:
    return out or Path("runs/bench") / command


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise ConfigError(f"{text!r} are no seeds: write numbers with commas, as in 907,911") from error
