"""`davy train pair | enhance | refine`: the stages on real pictures without references."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel

from davy.domain.errors import ConfigError
from davy_trainer.cli.terminal import clear_errors, parse_numbers, parse_settings, stopping
from davy_trainer.distributed import process_group
from davy_trainer.runs import prompt_run
from davy_trainer.runs.run import CHECKPOINT, stored_settings
from davy_trainer.runs.weights import prompts_file, weights_file
from davy_trainer.stages.run_stage import run_enhance, run_pair, run_refine
from davy_trainer.stages.settings import REPLAYED, EnhanceSettings, Labels, PairSettings, RefineSettings

Low = Annotated[list[Path] | None, typer.Option(help="Folder of real low-light pictures. Repeatable.")]
Normal = Annotated[list[Path] | None, typer.Option(help="Folder of well-lit photographs. Repeatable.")]
Out = Annotated[Path | None, typer.Option(help="Output folder of checkpoint, logs, sheets and the result.")]
ClipName = Annotated[str | None, typer.Option("--clip", help="davy, davy:FILE, davy:random, NAME:FILE, NAME:TAG (cached).")]
Steps = Annotated[int | None, typer.Option(help="Number of training steps.")]
Seed = Annotated[int | None, typer.Option(help="Random seed of the run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Resume the run in --out with its settings.")]
Set = Annotated[list[str] | None, typer.Option("--set", help="NAME=VALUE: any other setting. Repeatable.")]
K = TypeVar("K", bound=BaseModel)
MAY_CHANGE = ("workers",)  # on resuming: it does not change the result


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for name, command in (("pair", pair), ("enhance", enhance), ("refine", refine)):
        app.command(name)(command)


def pair(
    low: Low = None,
    normal: Normal = None,
    out: Out = None,
    clip: ClipName = None,
    labels: Annotated[
        Labels | None,
        typer.Option(help="Difference between the classes: light, exposure or meaning (Figure 4), or fixed texts."),
    ] = None,
    texts: Annotated[tuple[str, str] | None, typer.Option(help="Normal and low-light text, for --labels fixed.")] = None,
    steps: Steps = None,
    seed: Seed = None,
    resume: Resume = False,
    set_: Set = None,
) -> None:
    """Run stage 1: train a prompt pair to separate low-light pictures from normal ones."""
    options = {"low": low, "normal": normal, "clip": clip, "labels": labels, "texts": texts, "steps": steps, "seed": seed}
    with clear_errors():
        folder = _folder(out)
        settings = _prompt_settings(folder, PairSettings, options, set_, resume)
        with stopping() as stop:
            finished = run_pair(settings, folder, stop)
        _print_result(folder, prompt_run.PROMPTS, finished)


def refine(
    prompts: Annotated[Path | None, typer.Option(help="Prompts to start from: the folder of a run, or a file.")] = None,
    weights: Annotated[
        list[Path] | None, typer.Option(help="Networks of the previous rounds, the newest last. Repeatable.")
    ] = None,
    low: Low = None,
    normal: Normal = None,
    out: Out = None,
    clip: ClipName = None,
    steps: Steps = None,
    seed: Seed = None,
    resume: Resume = False,
    set_: Set = None,
) -> None:
    """Run stage 3: refine the prompts with enhanced pictures as classes between low-light and normal."""
    with clear_errors():
        folder = _folder(out)
        options: dict[str, Any] = {"low": low, "normal": normal, "clip": clip, "steps": steps, "seed": seed}
        options |= {"prompts": prompts and prompts_file(prompts), "weights": weights and [weights_file(w) for w in weights]}
        settings = _prompt_settings(folder, RefineSettings, options, set_, resume)
        with stopping() as stop:
            finished = run_refine(settings, folder, stop)
        _print_result(folder, prompt_run.PROMPTS, finished)


def enhance(
    prompts: Annotated[Path | None, typer.Option(help="Prompts of stage 1 or 3: the folder of a run, or a file.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Network to start from: the folder of a run, or a file.")] = None,
    low: Low = None,
    normal: Normal = None,
    out: Out = None,
    clip: ClipName = None,
    no_clip: Annotated[bool, typer.Option("--no-clip", help="Train without L_clip and feature fidelity.")] = False,
    steps: Steps = None,
    minutes: Annotated[float | None, typer.Option(help="Approximate duration, instead of --steps.")] = None,
    seed: Seed = None,
    validate: Annotated[Path | None, typer.Option(help="Folder with low/ and high/.")] = None,
    weight: Annotated[
        list[str] | None, typer.Option(help="GROUP=NUMBER: sampling weight of a low-light group. Default: 1.")
    ] = None,
    resume: Resume = False,
    set_: Set = None,
) -> None:
    """Run stage 2: train the network on real low-light pictures, guided by the prompts, and replay stage 0."""
    with clear_errors():
        folder = _folder(out)
        options: dict[str, Any] = {"low": low, "clip": clip, "steps": steps, "minutes": minutes, "seed": seed}
        options |= {"prompts": prompts and prompts_file(prompts), "initial_weights": weights and weights_file(weights)}
        options |= {"validation": validate, "group_weights": parse_numbers(weight or []) or None}
        if no_clip:
            options |= {"clip_weight": 0.0, "fidelity_weight": 0.0}
        chosen = _chosen(options, set_, EnhanceSettings)
        if normal:
            chosen["replay"] = {"data": normal, "steps": 1, "batch": REPLAYED, "seed": seed or 1} | chosen.get("replay", {})
        if resume:
            settings = _check_unchanged(stored_settings(folder / CHECKPOINT, EnhanceSettings)[0], chosen)
        else:
            if "initial_weights" not in chosen:
                raise ConfigError("set the network to start from: --weights RUN, or the shipped ispcnn.safetensors")
            settings = _new(folder, CHECKPOINT, EnhanceSettings, chosen)
        with process_group.init(), stopping() as stop:
            finished = run_enhance(settings, folder, stop)
            first = process_group.is_first()
        if first:
            _print_result(folder, CHECKPOINT, finished)


def _prompt_settings(
    out: Path, kind: type[prompt_run.P], options: dict[str, Any], assignments: list[str] | None, resume: bool
) -> prompt_run.P:
    chosen = _chosen(options, assignments, kind)
    if resume:
        return _check_unchanged(prompt_run.stored_settings(out, kind), chosen)
    return _new(out, prompt_run.CHECKPOINT, kind, chosen)


def _chosen(options: dict[str, Any], assignments: list[str] | None, kind: type[BaseModel]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None} | parse_settings(assignments or [], kind)


def _new(out: Path, checkpoint: str, kind: type[K], chosen: dict[str, Any]) -> K:
    for needed in ("low", "normal"):
        if needed in kind.model_fields and needed not in chosen:
            raise ConfigError(f"set the folder of pictures: --{needed} FOLDER")
    if "prompts" in kind.model_fields and kind.model_fields["prompts"].is_required() and "prompts" not in chosen:
        raise ConfigError("set the prompts to refine: --prompts RUN of `davy train pair`")
    settings = kind.model_validate(chosen)
    if (out / checkpoint).exists():
        raise ConfigError(f"{out} already holds a run: use --resume, or another --out")
    return settings


def _check_unchanged(stored: K, chosen: dict[str, Any]) -> K:
    """Return the stored settings with permitted changes.

    Raises:
        ConfigError: Another setting changes.
    """
    requested = type(stored).model_validate({**stored.model_dump(), **chosen})
    if changed := [name for name in chosen if name not in MAY_CHANGE and getattr(requested, name) != getattr(stored, name)]:
        raise ConfigError(f"a resumed run keeps its settings: omit {', '.join(changed)}, or start a new run")
    return requested


def _folder(out: Path | None) -> Path:
    if out is None:
        raise ConfigError("set the output folder: --out FOLDER")
    return out


def _print_result(out: Path, result: str, finished: bool) -> None:
    print(f"{out / result}: done" if finished else f"{out}: stopped; continue with --resume")
    report = out / prompt_run.REPORT
    if finished and report.exists():
        print(report.read_text().rstrip())
