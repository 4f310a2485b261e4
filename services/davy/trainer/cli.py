"""`davy train`: train the ISP-CNN, export it, judge it, look at it."""

import json
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import torch
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from davy.errors import ConfigError, DavyError, InvalidInputError
from davy.runtime import StillEnhancer
from davy.trainer.clip_cli import clip_app
from davy.trainer.evaluate import evaluate, markdown, write_sheet
from davy.trainer.feed import batches
from davy.trainer.photographs import Group, load_groups
from davy.trainer.run import CHECKPOINT, Run, begin, resume, settings_of
from davy.trainer.self_supervised import train
from davy.trainer.settings import SelfSupervisedSettings
from davy.trainer.ship import ship
from davy.trainer.validate import load_pairs, load_validation

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True, help="Train the ISP-CNN.")
CONSOLE = Console(stderr=True)
app.add_typer(clip_app, name="clip")


@app.command("self-supervised")
def self_supervised(
    data: Annotated[list[Path] | None, typer.Option(help="Folder of well-lit photographs; may be given again.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for checkpoint, logs and sheets; runs/TIME if absent.")] = None,
    minutes: Annotated[float | None, typer.Option(help="About so long; the steps are planned after the warm-up.")] = None,
    steps: Annotated[int | None, typer.Option(help="Exactly so many steps.")] = None,
    resume_: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out, with its settings.")] = False,
    seed: Annotated[int | None, typer.Option(help="Another seed, another run.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="GROUP=NUMBER: how often a sub-folder is drawn; 1 each.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that make pictures.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of torch.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting, see settings.py.")] = None,
) -> None:
    """Stage 0: photographs are made dark as in a mine, and the network learns to undo it."""
    given: dict[str, Any] = {"data": data, "minutes": minutes, "steps": steps, "seed": seed, "validation": validate}
    given |= {"workers": workers, "threads": threads, "weights": _numbers(weight or []) or None}
    chosen = {name: value for name, value in given.items() if value is not None} | _settings(set_ or [])
    with _clear_errors():
        if resume_:
            run, groups, out = _resume(out, chosen)
        else:
            run, groups, out = _begin(out, chosen)
        pairs = load_validation(run.settings.validation)
        torch.set_num_threads(run.settings.threads)
        with batches(groups, run.settings, run.step) as source, _stopping() as stop, _bar(run) as tell:
            train(run, groups, source, pairs, out, tell, stop)
        told = "done" if run.finished else "stopped; go on with --resume"
        print(f"{out / CHECKPOINT}: step {run.step} of {run.total or 'unknown'}, {run.seconds / 60:.1f} min, {told}")


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint.safetensors, or a run's folder.")],
    out: Annotated[Path, typer.Option(help="Folder for ispcnn.onnx and ispcnn.safetensors.")] = Path(),
) -> None:
    """Write the averaged weights of a run for davy.runtime (ONNX) and for torch (safetensors)."""
    with _clear_errors():
        for path in ship(checkpoint / CHECKPOINT if checkpoint.is_dir() else checkpoint, out):
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


@app.command("evaluate")
def evaluate_command(
    low: Annotated[Path, typer.Argument(help="Folder of dark pictures.")],
    high: Annotated[Path, typer.Argument(help="Folder of references with the same names.")],
    model: Annotated[Path | None, typer.Option(help="An ONNX file; the shipped one if absent.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write every picture's figures to this file.")] = None,
) -> None:
    """PSNR, SSIM and VIF against references, raw and enhanced, through the runtime that cameras use."""
    with _clear_errors():
        scores = evaluate(load_pairs(low, high), StillEnhancer(model))
        if json_ is not None:
            json_.parent.mkdir(parents=True, exist_ok=True)
            json_.write_text(json.dumps(scores, indent=1, allow_nan=False) + "\n")
        print(markdown(scores))


@app.command("sheet")
def sheet_command(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures; no references are needed.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="Raw beside enhanced.")],
    model: Annotated[Path | None, typer.Option(help="An ONNX file; the shipped one if absent.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Pictures, evenly taken from the folder.")] = 16,
    columns: Annotated[int, typer.Option(min=1, help="Pairs side by side.")] = 2,
) -> None:
    """A contact sheet raw | enhanced."""
    with _clear_errors():
        shown, skipped = write_sheet(folder, out, StillEnhancer(model), count, columns)
        print(f"{out}: {shown} pictures" + (f", {skipped} unreadable" if skipped else ""))


def _begin(out: Path | None, chosen: dict[str, Any]) -> tuple[Run, list[Group], Path]:
    if "data" not in chosen:
        raise ConfigError("say where the well-lit photographs are: --data FOLDER")
    settings = SelfSupervisedSettings.model_validate(chosen)
    out = out or Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}"
    if (out / CHECKPOINT).exists():
        raise ConfigError(f"{out} holds a run already: go on with it by --resume, or choose another --out")
    groups = _load(settings)
    out.mkdir(parents=True, exist_ok=True)
    return begin(settings, shlex.join(["davy", "train", *sys.argv[1:]])), groups, out


def _resume(out: Path | None, chosen: dict[str, Any]) -> tuple[Run, list[Group], Path]:
    if out is None:
        raise ConfigError("say which run to resume: --out FOLDER")
    settings, checkpoint = settings_of(out / CHECKPOINT)
    asked = SelfSupervisedSettings.model_validate({**settings.model_dump(), **chosen})
    if changed := [name for name in chosen if name != "workers" and getattr(asked, name) != getattr(settings, name)]:
        raise ConfigError(f"a resumed run keeps its settings: leave {', '.join(changed)} out, or begin a new run")
    groups = _load(asked)
    return resume(asked, checkpoint, groups, out / CHECKPOINT), groups, out


def _load(settings: SelfSupervisedSettings) -> list[Group]:
    with Progress(console=CONSOLE, transient=True) as bar:
        task = bar.add_task("reading photographs")
        groups = load_groups(settings, lambda done, total: bar.update(task, completed=done, total=total))
    for group in groups:
        left = [f"{group.skipped} unreadable"] * (group.skipped > 0) + [f"{group.unlit} not well lit"] * (group.unlit > 0)
        note = f" ({', '.join(left)} left out)" if left else ""
        CONSOLE.print(f"{group.name}: {len(group.pictures)} photographs, weight {group.weight:g}{note}", highlight=False)
    return groups


@contextmanager
def _stopping() -> Iterator[Callable[[], bool]]:
    """The first Ctrl-C or SIGTERM lets the step finish and a checkpoint be written; the second kills."""
    asked = threading.Event()

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.set()
        signal.signal(number, signal.SIG_DFL)

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _bar(run: Run) -> Iterator[Callable[[Run, dict[str, float]], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=CONSOLE) as bar:
        task = bar.add_task("training", total=run.total, completed=run.step)
        mean: dict[str, float] = {}

        def tell(run: Run, values: dict[str, float]) -> None:
            for name, value in values.items():
                mean[name] = mean.get(name, value) * 0.95 + value * 0.05  # about the last 20 steps
            words = f"loss {mean['loss']:.4f}  PSNR {mean['psnr_db']:.2f} dB"
            bar.update(task, completed=run.step, total=run.total, description=words)

        yield tell


def _settings(words: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for word in words:
        name, _, text = word.partition("=")
        if name not in SelfSupervisedSettings.model_fields:
            raise typer.BadParameter(f"{name!r} is no setting: {', '.join(SelfSupervisedSettings.model_fields)}")
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def _numbers(words: list[str]) -> dict[str, float]:
    try:
        return {name: float(number) for name, _, number in (word.rpartition("=") for word in words)}
    except ValueError as error:
        raise typer.BadParameter("write --weight GROUP=NUMBER, as in --weight lol=0.28") from error


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        for fault in error.errors():
            where = ".".join(map(str, fault["loc"]))
            CONSOLE.print(f"davy train: {where + ': ' if where else ''}{fault['msg']}", markup=False, highlight=False)
        raise typer.Exit(2) from error
    except (DavyError, OSError) as error:
        CONSOLE.print(f"davy train: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, InvalidInputError) else 1) from error


def main() -> int:
    """Run the command; returns the exit status: 0 done, 1 failed, 2 the words were wrong."""
    try:
        app()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0
