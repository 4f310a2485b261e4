"""`davy train adapt`: adapt the running model to changed light of some cameras."""

from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy_trainer.adapt.run import run_adapt
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.cli.terminal import clear_errors, parse_settings, stopping
from davy_trainer.runs.run import CHECKPOINT, stored_settings
from davy_trainer.runs.weights import EXPORTED, shipped_weights, weights_file


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("adapt")(adapt)


def adapt(
    samples: Annotated[Path | None, typer.Option(help="Raw samples: a sub-folder EDGE/CAM or EDGE--CAM per camera.")] = None,
    drifted: Annotated[list[str] | None, typer.Option(help="EDGE/CAM whose light changed. Repeatable.")] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder of checkpoint, logs, sheets and the new model.")] = None,
    model: Annotated[
        Path | None, typer.Option(help="Running model: a .safetensors file or the folder of a run. Default: the shipped one.")
    ] = None,
    clip: Annotated[str | None, typer.Option("--clip", help="davy, davy:FILE, NAME:FILE, NAME:TAG (cached).")] = None,
    steps: Annotated[int | None, typer.Option(help="Number of training steps.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the run.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out with its settings.")] = False,
    set_: Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting. Repeatable.")] = None,
) -> None:
    """Fine-tune the model for cameras whose light changed, without references; all other cameras keep their pictures."""
    options: dict[str, Any] = {"samples": samples, "drifted": drifted, "clip": clip, "steps": steps, "seed": seed}
    with clear_errors():
        chosen = {name: value for name, value in options.items() if value is not None}
        chosen |= parse_settings(set_ or [], AdaptSettings)
        if model is not None:
            chosen["model"] = weights_file(model)
        if out is None:
            raise ConfigError("set the output folder: --out FOLDER")
        settings = _resumed(out, chosen) if resume else _new(out, chosen)
        with stopping() as stop:
            finished = run_adapt(settings, out, stop)
        print(f"{out / EXPORTED}: done" if finished else f"{out}: stopped; continue with --resume")


def _new(out: Path, chosen: dict[str, Any]) -> AdaptSettings:
    for needed, value in (("samples", "FOLDER"), ("drifted", "EDGE/CAM")):
        if needed not in chosen:
            raise ConfigError(f"set --{needed} {value}")
    if (out / CHECKPOINT).exists():
        raise ConfigError(f"{out} already holds a run: use --resume, or another --out")
    return AdaptSettings.model_validate({"model": shipped_weights()} | chosen)


def _resumed(out: Path, chosen: dict[str, Any]) -> AdaptSettings:
    stored = stored_settings(out / CHECKPOINT, AdaptSettings)[0]
    requested = AdaptSettings.model_validate({**stored.model_dump(), **chosen})
    if changed := [name for name in chosen if getattr(requested, name) != getattr(stored, name)]:
        raise ConfigError(f"a resumed run keeps its settings: omit {', '.join(changed)}, or start a new run")
    return stored
