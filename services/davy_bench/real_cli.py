"""`davy bench real` and `davy bench blind`: what a person sees in real frames, by figures and by eye."""

import json
from pathlib import Path
from typing import Annotated

import typer

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.datasets.cases import singles
from davy_bench.methods.methods import RAW, choose
from davy_bench.quality.blind import tally, write_blind
from davy_bench.quality.checks import check_table
from davy_bench.quality.real import real_checks, real_markdown, write_real
from davy_bench.quality.scores import score
from davy_bench.quality.table import grid
from davy_bench.quality.visibility import visible
from davy_bench.terminal import bar, clear_errors, publish

RIVALS = "gamma+CLAHE,MSRCR,LIME-like,fusion"  # what OpenCV gives everybody

Folder = Annotated[Path, typer.Argument(help="Folder of real frames.")]
Model = Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")]
Rivals = Annotated[str, typer.Option(help="Classical methods beside Davy, separated by commas.")]
Every = Annotated[int, typer.Option(min=1, help="Use only every n-th frame.")]


def real(
    folder: Folder,
    model: Model = None,
    methods: Rivals = RIVALS,
    every: Every = 1,
    rows: Annotated[int, typer.Option(min=1, help="Number of frames on the sheet.")] = 8,
    out: Annotated[Path, typer.Option(help="Folder of table, figures and sheet.")] = Path("runs/bench/real"),
) -> None:
    """Measure what is seen in real frames, without references: the dark, haze, row bands, colour, highlights."""
    with clear_errors():
        cases, still = singles(folder)[::every], StillEnhancer(model)
        title = "/".join(folder.resolve().parts[-2:])
        with bar("real") as tick:
            scores = score(title, cases, choose(_words(methods), still), still.model, tick, visible)
        print(real_markdown(scores))
        print("\n" + "\n".join(check_table(real_checks(scores))))
        publish(write_real(scores, out, rows))


def blind(
    folder: Folder,
    model: Model = None,
    methods: Rivals = RIVALS,
    every: Every = 1,
    seed: Annotated[int, typer.Option(min=0, help="Decides order and letters.")] = 1,
    ranks: Annotated[
        Path | None, typer.Option(help='JSON of your ranking, best letter first: {"001": "CABDE"}. Prints who won.')
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pages and of key.json.")] = Path("runs/bench/blind"),
) -> None:
    """Write pages that show every method under a letter, in random order, to be ranked by eye; key.json tells whose."""
    with clear_errors():
        if ranks is not None:
            print("\n".join(_won(out / "key.json", ranks)))
            return
        still = StillEnhancer(model)
        chosen = {name: method for name, method in choose(_words(methods), still).items() if name != RAW}
        with bar("blind") as tick:
            paths = write_blind(out, singles(folder)[::every], chosen, seed, tick)
        publish([paths[0], paths[-1]])


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _won(key: Path, ranks: Path) -> list[str]:
    """A table of how often each method was ranked first."""
    try:
        found = tally(json.loads(key.read_text()), json.loads(ranks.read_text()))
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}: give the same --out as when the pages were written") from error
    except (ValueError, KeyError, AttributeError) as error:
        raise ConfigError(f'{ranks} is no ranking: write {{"001": "CABDE"}}, pages and letters as on the pages') from error
    ranked = sorted(found.items(), key=lambda item: item[1]["rank"])
    return grid(["method", "first", "mean rank"], [[n, f"{100 * f['first']:.0f} %", f"{f['rank']:.2f}"] for n, f in ranked])
