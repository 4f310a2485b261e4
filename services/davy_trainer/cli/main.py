"""`davy train`: train, export, evaluate and inspect the network."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_trainer.cli import ablate, adapt, all_stages, drift, fetch, people, stages, track
from davy_trainer.cli import base as base_cli
from davy_trainer.cli.clip import clip_app
from davy_trainer.cli.renamed import RenamedCommands
from davy_trainer.cli.terminal import (
    clear_errors,
    command_line,
    parse_numbers,
    parse_settings,
    stopping,
)
from davy_trainer.data.photographs import Group
from davy_trainer.distributed import process_group
from davy_trainer.evaluation.compare import compare
from davy_trainer.evaluation.evaluate import evaluate, markdown, write_sheet
from davy_trainer.evaluation.validation import load_pairs, load_validation
from davy_trainer.runs.export import export_checkpoint, export_mean
from davy_trainer.runs.package import PACKAGE, package_run
from davy_trainer.runs.run import CHECKPOINT, Run, resume, settings_of
from davy_trainer.runs.weights import begin_self_supervised
from davy_trainer.stages.run_stage import read_groups, train_self_supervised
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

app = typer.Typer(cls=RenamedCommands, add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)
DISTRIBUTED = ("self-supervised", "enhance")  # commands that support torchrun
app.add_typer(clip_app, name="clip")
stages.add_to(app)
all_stages.add_to(app)
ablate.add_to(app)
adapt.add_to(app)
drift.add_to(app)
base_cli.add_to(app)
people.add_to(app)
fetch.add_to(app)
track.add_to(app)


@app.callback()
def train_command(context: typer.Context) -> None:
    """Train, export and evaluate the network."""
    if process_group.is_distributed() and context.invoked_subcommand not in DISTRIBUTED:
        typer.echo(f"davy train: torchrun supports only {' and '.join(DISTRIBUTED)}: start this command without it", err=True)
        raise typer.Exit(2)


@app.command("self-supervised")
def self_supervised(
    data: Annotated[list[Path] | None, typer.Option(help="Folder of well-lit photographs. Repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of checkpoint, logs and sheets. Default: runs/TIME.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Approximate duration; sets the number of steps.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of training steps.")] = None,
    resume_: Annotated[bool, typer.Option("--resume", help="Resume the run in --out with its settings.")] = False,
    seed: Annotated[int | None, typer.Option(help="Random seed of the run.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    weight: Annotated[list[str] | None, typer.Option(help="GROUP=NUMBER: sampling weight of a sub-folder. Default: 1.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare pictures.")] = None,
    threads: Annotated[int | None, typer.Option(help="Number of torch threads.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting. Repeatable.")] = None,
) -> None:
    """Run stage 0: darken photographs as in a mine and train the network to restore them."""
    options: dict[str, Any] = {"data": data, "minutes": minutes, "steps": steps, "seed": seed, "validation": validate}
    options |= {"workers": workers, "threads": threads, "group_weights": parse_numbers(weight or []) or None}
    chosen = {name: value for name, value in options.items() if value is not None} | parse_settings(
        set_ or [], SelfSupervisedSettings
    )
    with clear_errors(), process_group.init():
        if resume_:
            run, groups, out = _resume(out, chosen)
        else:
            run, groups, out = _begin(out, chosen)
        with stopping() as stop:
            train_self_supervised(run, groups, out, stop)
        if not process_group.is_first():
            return
        state = "done" if run.finished else "stopped; continue with --resume"
        print(f"{out / CHECKPOINT}: step {run.step} of {run.total or 'unknown'}, {run.seconds / 60:.1f} min, {state}")


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint.safetensors, or the folder of a run.")],
    out: Annotated[Path, typer.Option(help="Output folder of ispcnn.onnx and ispcnn.safetensors.")] = Path(),
) -> None:
    """Export the averaged weights of a run as ONNX for the runtime and safetensors for torch."""
    with clear_errors():
        for path in export_checkpoint(checkpoint / CHECKPOINT if checkpoint.is_dir() else checkpoint, out):
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


@app.command()
def average(
    weights: Annotated[list[Path], typer.Argument(help="Two or more ispcnn.safetensors of successive runs.")],
    out: Annotated[Path, typer.Option(help="Output folder of ispcnn.onnx and ispcnn.safetensors.")] = Path(),
) -> None:
    """Export the mean of several networks of one training."""
    with clear_errors():
        for path in export_mean(weights, out):
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


@app.command("evaluate")
def evaluate_command(
    low: Annotated[Path, typer.Argument(help="Folder of dark pictures.")],
    high: Annotated[Path, typer.Argument(help="Folder of references with the same names.")],
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Also write the figures of each picture to this file.")] = None,
) -> None:
    """Evaluate PSNR, SSIM and VIF against references, raw and enhanced, with the runtime of the cameras."""
    with clear_errors():
        scores = evaluate(load_pairs(low, high), StillEnhancer(model))
        if json_ is not None:
            json_.parent.mkdir(parents=True, exist_ok=True)
            json_.write_text(json.dumps(scores, indent=1, allow_nan=False) + "\n")
        print(markdown(scores))


@app.command("compare")
def compare_command(
    new: Annotated[Path, typer.Argument(help="ONNX file of the new model.")],
    running: Annotated[Path, typer.Argument(help="ONNX file of the running model.")],
    out: Annotated[Path, typer.Option(help="Output folder of compare.json and compare.png.")],
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    samples: Annotated[Path | None, typer.Option(help="Folder of pictures without references.")] = None,
) -> None:
    """Compare a new model with the running one: figures, and a sheet of sample, running and new."""
    with clear_errors():
        for name, value in compare(new, running, load_validation(validate), samples, out).items():
            print(f"{name:<28}{value:.4f}")


@app.command("package")
def package_command(
    folder: Annotated[Path, typer.Argument(help="Folder with train/ispcnn.{onnx,safetensors} and provenance.json.")],
    keys: Annotated[Path | None, typer.Option(help="Sign with the newest key of this folder.")] = None,
) -> None:
    """Write FOLDER/package.zip as the training service does: a candidate, or with --keys a signed model."""
    with clear_errors():
        print(f"{package_run(folder, keys)}  {folder / PACKAGE}")


@app.command("sheet")
def sheet_command(
    folder: Annotated[Path, typer.Argument(help="Folder of pictures without references.")],
    out: Annotated[Path, typer.Argument(metavar="OUT.png", help="Output file.")],
    model: Annotated[Path | None, typer.Option(help="ONNX file of the network. Default: the shipped one.")] = None,
    count: Annotated[int, typer.Option(min=1, help="Number of pictures, evenly spaced in the folder.")] = 16,
    columns: Annotated[int, typer.Option(min=1, help="Pairs per row.")] = 2,
) -> None:
    """Write a contact sheet of raw and enhanced pictures."""
    with clear_errors():
        shown, skipped = write_sheet(folder, out, StillEnhancer(model), count, columns)
        print(f"{out}: {shown} pictures" + (f", {skipped} unreadable" if skipped else ""))


def _begin(out: Path | None, chosen: dict[str, Any]) -> tuple[Run, list[Group], Path]:
    if "data" not in chosen:
        raise ConfigError("set the folder of well-lit photographs: --data FOLDER")
    settings = SelfSupervisedSettings.model_validate(chosen)
    out = out or Path("runs") / f"{datetime.now():%Y%m%d-%H%M%S}"
    if (out / CHECKPOINT).exists():
        raise ConfigError(f"{out} already holds a run: use --resume, or another --out")
    groups = read_groups(settings)
    out.mkdir(parents=True, exist_ok=True)
    return begin_self_supervised(settings, command_line()), groups, out


def _resume(out: Path | None, chosen: dict[str, Any]) -> tuple[Run, list[Group], Path]:
    if out is None:
        raise ConfigError("set the run to resume: --out FOLDER")
    settings, checkpoint = settings_of(out / CHECKPOINT)
    requested = SelfSupervisedSettings.model_validate({**settings.model_dump(), **chosen})
    if changed := [name for name in chosen if name != "workers" and getattr(requested, name) != getattr(settings, name)]:
        raise ConfigError(f"a resumed run keeps its settings: omit {', '.join(changed)}, or start a new run")
    groups = read_groups(requested)
    return resume(requested, checkpoint, groups, out / CHECKPOINT), groups, out
