"""`davy train all`: all stages in order, with a summary; `davy train photographs`: photographs to try it on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from davy.domain.errors import ConfigError
from davy_trainer.cli.terminal import CONSOLE, clear_errors, parse_settings, stopping
from davy_trainer.data.packaged_photographs import copy_photographs
from davy_trainer.evaluation.sheet import write_png
from davy_trainer.evaluation.summary import compare_with_start, figures, markdown, summary_sheet
from davy_trainer.evaluation.validation import Pair, load_validation
from davy_trainer.runs.export import export_checkpoint
from davy_trainer.runs.run import CHECKPOINT
from davy_trainer.runs.weights import load_weights, prompts_file, weights_file
from davy_trainer.stages.all_settings import AllSettings
from davy_trainer.stages.iterate import SETTINGS, iterate, networks, plan_stages, read_settings, write_settings

Folders = list[Path] | None
PICTURES_PER_FOLDER = 4  # on the sheet of the summary


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("all")(train_all)
    app.command("photographs")(photographs_command)


def train_all(
    data: Annotated[Folders, typer.Option(help="Folder with low/ and normal/; sub-folders are groups. Repeatable.")] = None,
    low: Annotated[Folders, typer.Option(help="Folder of real low-light pictures. Repeatable.")] = None,
    normal: Annotated[Folders, typer.Option(help="Folder of well-lit photographs. Repeatable.")] = None,
    photographs: Annotated[
        Folders, typer.Option(help="Photographs for self-supervision only, such as exposure brackets.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights to start from, in place of stage 0.")] = None,
    prompts: Annotated[Path | None, typer.Option(help="Prompts to start from, in place of stage 1.")] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Number of enhancement rounds; refinement runs between them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Output folder; each stage has a sub-folder.")] = None,
    clip: Annotated[str | None, typer.Option("--clip", help="davy, davy:FILE, NAME:FILE, NAME:TAG (cached).")] = None,
    no_clip: Annotated[bool, typer.Option("--no-clip", help="Train without stages 1 and 3.")] = False,
    no_refine: Annotated[bool, typer.Option("--no-refine", help="Train without stage 3 (Figure 5).")] = False,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    show: Annotated[Folders, typer.Option(help="Further pictures for the sheet of the summary.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of the run.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run in --out with its settings.")] = False,
    must_improve: Annotated[
        bool, typer.Option("--must-improve", help="Exit with status 1 without improvement on --validate.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="STAGE.NAME=VALUE: a setting of a stage, as in enhance.steps=300. Repeatable."),
    ] = None,
) -> None:
    """Run all stages: stage 0 or --weights, pairing, then rounds of enhancement and refinement."""
    options: dict[str, Any] = {"initial_weights": weights, "rounds": rounds, "clip": clip, "seed": seed, "validation": validate}
    options |= {"low": [*(folder / "low" for folder in data or []), *(low or [])] or None, "photographs": photographs}
    options |= {"normal": [*(folder / "normal" for folder in data or []), *(normal or [])] or None}
    options |= {"prompts": prompts and prompts_file(prompts)}
    options |= {"guided": False if no_clip else None, "refined": False if no_refine else None}
    with clear_errors():
        chosen = {name: value for name, value in options.items() if value is not None}
        chosen |= parse_settings(set_ or [], AllSettings)
        if out is None:
            raise ConfigError("set the output folder: --out FOLDER")
        if must_improve and not resume and validate is None:
            raise ConfigError("--must-improve needs references: set --validate FOLDER with low/ and high/")
        settings = _resumed(out, chosen) if resume else _new(out, chosen)
        pairs = load_validation(settings.validation)
        with stopping() as stop:
            finished = iterate(plan_stages(settings, out), stop, lambda text: CONSOLE.print(text, highlight=False))
        if not finished:
            print(f"{out}: stopped; continue with --resume")
            return
        improved = _summarise(settings, out, pairs, show or [])
        if must_improve and not improved:
            raise typer.Exit(1)


def photographs_command(out: Annotated[Path, typer.Argument(help="Output folder.")]) -> None:
    """Copy the well-lit photographs of installed packages, to try training without other data."""
    with clear_errors():
        for path in copy_photographs(out):
            print(path)


def _new(out: Path, chosen: dict[str, Any]) -> AllSettings:
    for needed in ("low", "normal"):
        if needed not in chosen:
            raise ConfigError(f"set the folder of pictures: --data FOLDER with low/ and normal/, or --{needed} FOLDER")
    settings = AllSettings.model_validate(chosen)
    if (out / SETTINGS).exists():
        raise ConfigError(f"{out} already holds a run: use --resume, or another --out")
    plan_stages(settings, out)  # validates all settings before anything is written
    write_settings(settings, out)
    return settings


def _resumed(out: Path, chosen: dict[str, Any]) -> AllSettings:
    settings = read_settings(out)
    requested = AllSettings.model_validate({**settings.model_dump(), **chosen})
    if changed := [name for name in chosen if getattr(requested, name) != getattr(settings, name)]:
        raise ConfigError(f"a resumed run keeps its settings: omit {', '.join(changed)}, or start a new run")
    return settings


def _summarise(settings: AllSettings, out: Path, pairs: Sequence[Pair], show: list[Path]) -> bool:
    """Write the sheet, the figures and the exported weights; return whether the newest version improved (or is unknown)."""
    files = networks(settings, out)
    versions = {name: load_weights(path) for name, path in files.items()}
    write_png(out / "summary.png", summary_sheet([*settings.low, *show], versions, PICTURES_PER_FOLDER))
    newest = list(files.values())[-1]
    for path in export_checkpoint(weights_file(newest) if newest.is_file() else newest / CHECKPOINT, out):
        print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    print(out / "summary.png")
    if not pairs:
        return True
    found = figures(pairs, versions)
    improved, result = compare_with_start(found, "start" if settings.initial_weights else "raw")
    (out / "summary.json").write_text(json.dumps({"figures": found, "comparison": result}, indent=1) + "\n")
    print(f"\n{markdown(found)}\n\n{result}")
    return improved
