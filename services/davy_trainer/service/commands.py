"""The commands of a run, and the file that each writes last."""

from dataclasses import dataclass
from pathlib import Path

from davy.domain.errors import ConfigError
from davy_trainer.people.files import DETECTOR, WEIGHTS
from davy_trainer.runs.package import PACKAGE
from davy_trainer.service.collect import ONNX, TENSORS
from davy_trainer.service.record import RunRecord
from davy_trainer.service.run_settings import folder_arguments, set_arguments, validate_overrides
from davy_trainer.service.settings import TrainerSettings

PHOTOGRAPHS = "photographs"
COMMANDS = {"prompts": "pair", "retrain": "all", "adapt": "adapt"}
MINES = "mines"
RESUMABLE = {  # the file that exists once a command can resume
    "prompts": "prompt-run.safetensors",
    "retrain": "all.json",
    "adapt": "checkpoint.safetensors",
}
PROMPTS = "prompts.safetensors"
COMPARISON = "compare.json"


@dataclass(frozen=True, slots=True)
class Command:
    """Arguments after `davy`, and the file that the command writes last."""

    arguments: tuple[str, ...]
    result: Path


def train_command(settings: TrainerSettings, record: RunRecord, folder: Path, prompts: Path | None) -> Command:
    """Return the training command; it resumes a run that has started.

    Args:
        prompts: Prompts of an earlier run, for `retrain` to start from.

    Raises:
        ConfigError: There are no low-light pictures.
    """
    if record.kind == "people":
        return _train_people(settings, record, folder)
    out = folder / "train"
    result = out / (PROMPTS if record.kind == "prompts" else TENSORS)
    arguments = ["train", COMMANDS[record.kind], "--out", str(out)]
    if (out / RESUMABLE[record.kind]).exists():
        return Command((*arguments, "--resume"), result)
    overrides = set_arguments(validate_overrides(settings, record.kind, record.overrides, record.drifted))
    samples, running = folder / "samples" / "train", str(folder / "running" / TENSORS)
    if record.kind == "adapt":
        cameras = [argument for name in record.drifted for argument in ("--drifted", name.replace(".", "/"))]
        return Command((*arguments, "--model", running, "--samples", str(samples), *cameras, *overrides), result)
    low = [*([samples] if samples.is_dir() else []), *settings.low]
    if not low:
        raise ConfigError("no low-light pictures: the aggregator has no samples yet, and DAVY_TRAINER_LOW names no folder")
    arguments += [*folder_arguments("low", low), *folder_arguments("normal", settings.normal or (folder / PHOTOGRAPHS,))]
    if record.kind == "retrain":
        arguments += ["--weights", running, *(["--prompts", str(prompts)] if prompts else [])]
        arguments += ["--validate", str(settings.validation)] if settings.validation else []
    return Command((*arguments, *overrides), result)


def _train_people(settings: TrainerSettings, record: RunRecord, folder: Path) -> Command:
    """The same command resumes."""
    overrides = set_arguments(validate_overrides(settings, record.kind, record.overrides))
    folders = folder_arguments("mine", [folder / MINES / "train"])
    folders += folder_arguments("photographs", settings.normal or (folder / PHOTOGRAPHS,))
    base = ("--base", str(folder / "running" / DETECTOR), "--out", str(folder / "train"))
    return Command(("train", "people", *base, *folders, *overrides), folder / "train" / WEIGHTS)


def mine_command(settings: TrainerSettings, folder: Path, use: str) -> Command:
    """Return the command that draws simulated mines with true boxes; use: train or held-out."""
    out, seeds = folder / MINES / use, settings.people_seeds if use == "train" else settings.people_held_out
    arguments = ("simulator", "people", str(out), "--seeds", seeds, "--frames", str(settings.people_frames))
    return Command(arguments, out / "annotations.json")  # written last


def export_people_command(folder: Path) -> Command:
    """Return the command that writes a new detector's ONNX file."""
    target = folder / "train" / DETECTOR
    return Command(("train", "people-export", str(folder / "train"), "--out", str(target)), target)


def compare_people_command(folder: Path) -> Command:
    """Return the command that compares the new detector with the running one on held-out mines."""
    pair = (str(folder / "train" / DETECTOR), str(folder / "running" / DETECTOR))
    held_out = folder_arguments("mine", [folder / MINES / "held-out"])
    return Command(("train", "people-compare", *pair, *held_out, "--out", str(folder)), folder / COMPARISON)


def package_command(settings: TrainerSettings, folder: Path) -> Command:
    """Return the command that packages the model, and signs it if the service may."""
    signing = ("--keys", str(settings.keys)) if settings.signs else ()
    return Command(("train", "package", str(folder), *signing), folder / PACKAGE)


def compare_command(settings: TrainerSettings, folder: Path) -> Command:
    """Return the command that compares the new model with the running one.

    It uses the references and the validation samples, or the training samples if there are none.
    """
    samples = folder / "samples"
    pictures = [path for path in (samples / "validation", samples / "train", *settings.low) if path.is_dir()][:1]
    arguments = ["train", "compare", str(folder / "train" / ONNX), str(folder / "running" / ONNX), "--out", str(folder)]
    arguments += ["--validate", str(settings.validation)] if settings.validation else []
    return Command((*arguments, *folder_arguments("samples", pictures)), folder / COMPARISON)
