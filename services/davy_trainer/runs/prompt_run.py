"""State of a prompt pair's training and its checkpoint, for stages 1 and 3."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from pydantic import ValidationError
from torch import Tensor

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip import PromptPair
from davy.imaging.nets.checkpoint import Tensors, load_tensors, save_tensors
from davy_trainer.runs.device import move_moments
from davy_trainer.stages.settings import PromptSettings

CHECKPOINT = "prompt-run.safetensors"
PROMPTS = "prompts.safetensors"
REPORT = "report.json"
P = TypeVar("P", bound=PromptSettings)


@dataclass
class PromptRun:
    """The pair, its optimiser, and the steps done."""

    pair: PromptPair
    optimizer: torch.optim.Adam
    step: int = 0


def begin(pair: PromptPair, settings: PromptSettings) -> PromptRun:
    return PromptRun(pair, torch.optim.Adam([pair.context], lr=settings.learning_rate))


def save(run: PromptRun, settings: PromptSettings, known: Mapping[str, Any], out: Path) -> None:
    """Write out/CHECKPOINT.

    Args:
        known: Facts of the data, JSON values; a resumed run checks them.
    """
    moments: Mapping[str, Any] = run.optimizer.state.get(run.pair.context, {})
    tensors: Tensors = {"context": run.pair.context.detach()}
    tensors |= {f"adam.{name}": torch.as_tensor(value) for name, value in moments.items()}
    facts = {"settings": settings.model_dump(mode="json"), "step": run.step, "known": dict(known)}
    save_tensors(out / CHECKPOINT, tensors, facts)


def write_result(run: PromptRun, report: Mapping[str, Any], out: Path) -> None:
    """Write out/PROMPTS and out/REPORT of a finished run."""
    run.pair.save(out / PROMPTS)
    (out / REPORT).write_text(json.dumps(report, indent=1) + "\n")


def stored_settings(out: Path, kind: type[P]) -> P:
    """Read the settings of the run in a folder.

    Raises:
        ConfigError: There is no run.
        ModelError: The checkpoint cannot be used.
    """
    path = out / CHECKPOINT
    if not path.is_file():
        raise ConfigError(f"nothing to resume: {path} does not exist")
    try:
        return kind.model_validate(load_tensors(path)[1].get("settings"))
    except ValidationError as error:
        raise ModelError(str(path), f"has settings that this version does not know: {error}") from error


def resume(run: PromptRun, known: Mapping[str, Any], out: Path) -> None:
    """Restore a new run from the checkpoint in out.

    Raises:
        ConfigError: The pictures or weights have changed.
        ModelError: The checkpoint cannot be used.
    """
    path = out / CHECKPOINT
    tensors, facts = load_tensors(path)
    if facts.get("known") != dict(known):
        raise ConfigError(f"the pictures or weights have changed since {path} was written: start a new run, without --resume")
    try:
        with torch.no_grad():
            run.pair.context.copy_(tensors["context"])
        moments: dict[str, Tensor] = {name[5:]: value for name, value in tensors.items() if name.startswith("adam.")}
        if moments:
            run.optimizer.state[run.pair.context] = moments
            move_moments(run.optimizer, run.pair.context.device)
        run.step = int(facts["step"])
    except (KeyError, RuntimeError) as error:
        raise ModelError(str(path), f"is not a prompt run of this version: {error}") from error
