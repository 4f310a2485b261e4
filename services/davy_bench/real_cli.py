"""`davy bench real` and `davy bench blind`: visibility in real frames, measured and ranked by eye."""

import json
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.datasets.cases import unpaired_cases
from davy_bench.methods.methods import RAW, select_methods
from davy_bench.quality.blind import tally, write_blind
from davy_bench.quality.checks import check_table
from davy_bench.quality.real import real_checks, real_markdown, write_real
from davy_bench.quality.scores import score
from davy_bench.quality.table import grid
from davy_bench.quality.visibility import visibility_metrics
from davy_bench.terminal import bar, print_written, report_errors

BASELINE_METHODS = "gamma+CLAHE,MSRCR,LIME-like,fusion"  # methods of OpenCV

Folder = Annotated[Path, typer.Argument(help="Folder of real frames.")]
Model = Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")]
Baselines = Annotated[str, typer.Option(help="Baselines, separated by commas.")]
Every = Annotated[int, typer.Option(min=1, help="Use only every n-th frame.")]


def real(
    folder: Folder,
    model: Model = None,
    methods: Baselines = BASELINE_METHODS,
    every: Every = 1,
    rows: Annotated[int, typer.Option(min=1, help="Number of frames on the sheet.")] = 8,
    out: Annotated[Path, typer.Option(help="Folder of table, figures and sheet.")] = Path("runs/bench/real"),
) -> None:
    """Measure real frames without references: visibility in the dark, haze, row bands, colour, highlights."""
    with report_errors():
        cases, still = unpaired_cases(folder)[::every], StillEnhancer(model)
        title = "/".join(folder.resolve().parts[-2:])
        with bar("real") as progress:
            scores = score(title, cases, select_methods(_split(methods), still), still.model, progress, visibility_metrics)
        print(real_markdown(scores))
        print("\n" + "\n".join(check_table(real_checks(scores))))
        print_written(write_real(scores, out, rows))


def blind(
    folder: Folder,
    model: Model = None,
    methods: Baselines = BASELINE_METHODS,
    every: Every = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of order and letters.")] = 1,
    ranks: Annotated[
        Path | None, typer.Option(help='JSON file of your ranking, best letter first: {"001": "CABDE"}. Prints the result.')
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pages and of key.json.")] = Path("runs/bench/blind"),
) -> None:
    """Write pages with the methods under letters in random order, for a ranking by eye. key.json maps letters to methods."""
    with report_errors():
        if ranks is not None:
            print("\n".join(_ranking_table(out / "key.json", ranks)))
            return
        still = StillEnhancer(model)
        chosen = {name: method for name, method in select_methods(_split(methods), still).items() if name != RAW}
        with bar("blind") as progress:
            paths = write_blind(out, unpaired_cases(folder)[::every], chosen, seed, progress)
        print_written([paths[0], paths[-1]])


def _split(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _ranking_table(key: Path, ranks: Path) -> list[str]:
    """Tabulate how often each method is ranked first."""
    try:
        results = tally(json.loads(key.read_text()), json.loads(ranks.read_text()))
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}: give the --out of the command that wrote the pages") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise ConfigError(
            f'{ranks} is not a ranking: write {{"001": "CABDE"}} with the numbers and letters of the pages'
        ) from error
    ranked = sorted(results.items(), key=lambda item: item[1]["rank"])
    return grid(["method", "first", "mean rank"], [[n, f"{100 * f['first']:.0f} %", f"{f['rank']:.2f}"] for n, f in ranked])
