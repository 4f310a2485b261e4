"""The commands of a run, and how to tell that each is done."""

from dataclasses import dataclass
from pathlib import Path

from davy.domain.errors import ConfigError
from davy_trainer.runs.package import PACKAGE
from davy_trainer.service.collect import ONNX, TENSORS
from davy_trainer.service.record import RunRecord
from davy_trainer.service.run_settings import folders, judged, set_words
from davy_trainer.service.settings import TrainerSettings

PHOTOGRAPHS = "photographs"
COMMANDS = {"prompts": "pair", "retrain": "all", "adapt": "adapt"}
BEGUN = {"prompts": "prompt-run.safetensors", "retrain": "all.json", "adapt": "checkpoint.safetensors"}  # from there it resumes
PROMPTS = "prompts.safetensors"
COMPARED = "compare.json"


@dataclass(frozen=True, slots=True)
class Command:
    """Words after `davy`, and the file that is there once all is done."""

    words: tuple[str, ...]
    done: Path


def train(settings: TrainerSettings, record: RunRecord, folder: Path, prompts: Path | None) -> Command:
    """The training itself, begun or resumed.

    Args:
        prompts: of an earlier run, for `retrain` to start from.

    Raises:
        ConfigError: there are no low-light pictures.
    """
    out = folder / "train"
    done = out / (PROMPTS if record.kind == "prompts" else TENSORS)
    words = ["train", COMMANDS[record.kind], "--out", str(out)]
    if (out / BEGUN[record.kind]).exists():
        return Command((*words, "--resume"), done)
    chosen = set_words(judged(settings, record.kind, record.overrides, record.drifted))
    samples, running = folder / "samples" / "train", str(folder / "running" / TENSORS)
    if record.kind == "adapt":
        cameras = [word for name in record.drifted for word in ("--drifted", name.replace(".", "/"))]
        return Command((*words, "--model", running, "--samples", str(samples), *cameras, *chosen), done)
    low = [*([samples] if samples.is_dir() else []), *settings.low]
    if not low:
        raise ConfigError("no low-light pictures: the aggregator has no samples yet, and DAVY_TRAINER_LOW names no folder")
    words += [*folders("low", low), *folders("normal", settings.normal or (folder / PHOTOGRAPHS,))]
    if record.kind == "retrain":
        words += ["--weights", running, *(["--prompts", str(prompts)] if prompts else [])]
        words += ["--validate", str(settings.validation)] if settings.validation else []
    return Command((*words, *chosen), done)


def pack(settings: TrainerSettings, folder: Path) -> Command:
    """Package and signature."""
    return Command(("train", "pack", str(folder), "--keys", str(settings.keys)), folder / PACKAGE)


def compare(settings: TrainerSettings, folder: Path) -> Command:
    """The new model beside the running one: on references, and on the samples that were kept apart, or else on all."""
    samples = folder / "samples"
    looked_at = [path for path in (samples / "validation", samples / "train", *settings.low) if path.is_dir()][:1]
    words = ["train", "compare", str(folder / "train" / ONNX), str(folder / "running" / ONNX), "--out", str(folder)]
    words += ["--validate", str(settings.validation)] if settings.validation else []
    return Command((*words, *folders("samples", looked_at)), folder / COMPARED)
