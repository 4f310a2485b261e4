"""`davy train pack-data`, `base`, `reproduce` and `credits`: base training from one data file, on any device."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from rich.progress import Progress

from davy.domain.errors import ConfigError
from davy.imaging.nets import IspCnn
from davy_trainer.cli.terminal import CONSOLE, clear_errors, command_line, parse_settings, progress_bar, stopping
from davy_trainer.data.credits import write_credits
from davy_trainer.data.echo import Echo
from davy_trainer.data.packed import SCENE, unpack
from davy_trainer.data.packed import pack as pack_files
from davy_trainer.data.real_frames import RealFrames
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.objectives.people_guide import PeopleGuide
from davy_trainer.runs.device import Device, move
from davy_trainer.runs.export import export_checkpoint
from davy_trainer.runs.run import CHECKPOINT, begin_from, resume_training, stored_settings
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages import base
from davy_trainer.stages.base_settings import BaseSettings
from davy_trainer.stages.loop import Outputs
from davy_trainer.stages.presets import preset

Out = Annotated[Path, typer.Option(help="Output folder of checkpoint, log and sheets.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting. Repeatable.")]
WIDTH_STEP = 128  # both sides are then whole blocks
DATA = "data.json"  # names of a run's training pictures
MAY_CHANGE = {"steps", "minutes", "threads", "device", "precision", "data", "validation", "checkpoint_every", "validate_every"}


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("pack-data")(pack_data)
    app.command("base")(base_training)
    app.command("reproduce")(reproduce)
    app.command("credits")(credit)


def pack_data(
    normal: Annotated[list[Path], typer.Option(help="Folder of well-lit photographs. Repeatable.")],
    out: Annotated[Path, typer.Option(help="Output file.")],
    scenes: Annotated[list[Path] | None, typer.Option(help="Folder of `davy simulator scenes`. Repeatable.")] = None,
    max_mb: Annotated[float, typer.Option(help="Maximum size of the file, MB.", min=1)] = 10_000,
    scene_width: Annotated[int, typer.Option(help="Of the scenes, px; they are 16:9.", min=128, max=1280)] = SCENE[1],
) -> None:
    """Pack clear well-lit photographs and simulated scenes into one file for base training."""
    width = scene_width // WIDTH_STEP * WIDTH_STEP
    with clear_errors(), Progress(console=CONSOLE, transient=True) as bar:
        task = bar.add_task("packing")

        def tick(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        found = pack_files(normal, scenes or [], out, max_mb, tick, (width * 9 // 16, width))
    print(f"{out}: {found[0]} photographs, {found[1]} scenes, {out.stat().st_size / 1e6:.1f} MB")


def base_training(
    out: Out,
    data: Annotated[Path | None, typer.Option(help="File of `davy train pack-data`.")] = None,
    preset_: Annotated[str | None, typer.Option("--preset", help="Settings by name: quick, shipped.")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of training steps.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Approximate duration.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights to start from: the folder of a run, or a file.")] = None,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the run.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out with its settings.")] = False,
    set_: Set = None,
) -> None:
    """Run base training: stage 0 on any device, from a file of `davy train pack-data`."""
    options: dict[str, Any] = {"data": data, "steps": steps, "minutes": minutes, "seed": seed}
    options |= {"initial_weights": weights, "validation": validate}
    with clear_errors():
        chosen = {name: value for name, value in options.items() if value is not None}
        chosen |= parse_settings(set_ or [], BaseSettings)
        run_base(out, _settings(out, preset_, chosen, resume), resume)


def reproduce(
    data: Annotated[Path, typer.Option(help="File of `davy train pack-data`.")],
    out: Out = Path("runs/shipped"),
    set_: Set = None,
) -> None:
    """Train the recipe of the shipped weights; resume a run in --out."""
    with clear_errors():
        resume = (out / CHECKPOINT).exists()
        chosen: dict[str, Any] = {"data": data} | parse_settings(set_ or [], BaseSettings)
        run_base(out, _settings(out, "shipped", chosen, resume), resume)


def credit(
    run: Annotated[Path, typer.Argument(help="Folder of a run of `davy train base`.")],
    manifest: Annotated[Path, typer.Option(help="CSV with file, source, licence and author of every photograph.")],
    out: Annotated[Path, typer.Option(help="Output file, Markdown.")] = Path("CREDITS.md"),
) -> None:
    """Write the credits of a run's training photographs, from their manifest."""
    with clear_errors():
        try:
            names = json.loads((run / DATA).read_text())["names"]
        except (OSError, KeyError, json.JSONDecodeError) as error:
            raise ConfigError(f"{run} has no list of its training pictures: {error}") from error
        print(f"{out}: {write_credits(manifest, names, out)} photographs credited")


def run_base(out: Path, settings: BaseSettings, resume: bool) -> None:
    """Start or resume base training; export the weights of a finished run.

    Raises:
        ConfigError: A run exists already, there is none to resume, or the data has changed.
    """
    path, device = out / CHECKPOINT, Device.of(settings)
    if path.exists() and not resume:
        raise ConfigError(f"{out} already holds a run: use --resume, or another --out")
    torch.set_num_threads(settings.threads)
    packed = unpack(settings.data)
    frames = RealFrames.load(settings.real, device.device) if settings.real else None
    guide = PeopleGuide.load(settings.people, device.device) if settings.people else None
    known: dict[str, Any] = {"data": packed.checksum, "photographs": _counted(packed.names, len(packed.low))}
    known |= {"real_frames": frames.checksum} if frames else {}
    if resume:
        run = resume_training(settings, stored_settings(path, BaseSettings)[1], known, path)
        run.total = settings.steps or run.total
    else:
        torch.manual_seed(settings.seed)
        net = (
            load_weights(settings.initial_weights).train()
            if settings.initial_weights
            else IspCnn(settings.width, settings.detail)
        )
        run = begin_from(net, settings, command_line(), settings.steps)
    out.mkdir(parents=True, exist_ok=True)
    (out / DATA).write_text(
        json.dumps({"names": [*packed.names, *(frames.names if frames else ())], "scenes": len(packed.low)}) + "\n"
    )
    move(run, device.device)
    base.channels_last(run.net)
    pairs, echo = load_validation(settings.validation), Echo(packed, settings, device.device)
    shown = {"loss": "loss {:.4f}", "psnr_scene": "scenes {:.2f} dB", "psnr_mine": "mines {:.2f} dB"}
    with progress_bar(out.name, shown, run.step, run.total) as advance, stopping() as stop:
        base.train(run, echo, frames, guide, device, pairs, Outputs(out, known, advance), stop)
    if run.finished:
        export_checkpoint(path, out)
    state = "done" if run.finished else "stopped; continue with --resume"
    print(f"{path}: step {run.step} of {run.total or 'unknown'}, {run.seconds / 60:.1f} min, {state}")


def _settings(out: Path, name: str | None, chosen: dict[str, Any], resume: bool) -> BaseSettings:
    values = {**(preset(name) if name else {}), **chosen}
    if "steps" in chosen or "minutes" in chosen:
        values = {key: value for key, value in values.items() if key not in {"steps", "minutes"} or key in chosen}
    if not resume:
        return BaseSettings.model_validate(values)
    stored = stored_settings(out / CHECKPOINT, BaseSettings)[0].model_dump()
    if changed := [key for key in chosen if key not in MAY_CHANGE and stored[key] != chosen[key]]:
        raise ConfigError(f"a resumed run keeps its settings: omit {', '.join(changed)}, or start a new run")
    if "steps" in chosen or "minutes" in chosen:
        stored |= {"steps": None, "minutes": None}
    return BaseSettings.model_validate({**stored, **{key: chosen[key] for key in chosen if key in MAY_CHANGE}})


def _counted(names: Sequence[str], scenes: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name in names:
        group = name.split("/")[1] if name.count("/") > 1 else name.split("/")[0]
        found.setdefault(group, {"count": 0})["count"] += 1
    return found | ({"simulated": {"count": scenes}} if scenes else {})
