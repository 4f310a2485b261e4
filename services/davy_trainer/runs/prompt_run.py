"""A prompt pair between two training steps: what its checkpoint holds. Stages 1 and 3 share it."""

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
    """Write out/CHECKPOINT; known: facts of the data, as JSON, that a resumed run must find again."""
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
    """The settings of the run in a folder.

    Raises:
        ConfigError: there is none.
        ModelError: it cannot be used.
    """
    path = out / CHECKPOINT
    if not path.is_file():
        raise ConfigError(f"nothing to resume: {path} does not exist")
    try:
        return kind.model_validate(load_tensors(path)[1].get("settings"))
    except ValidationError as error:
        raise ModelError(str(path), f"has settings that this version does not know: {error}") from error


def resume(run: PromptRun, known: Mapping[str, Any], out: Path) -> None:
    """Put a new run where the checkpoint in out was.

    Raises:
        ConfigError: the pictures have changed since.
        ModelError: the checkpoint cannot be used.
    """
    path = out / CHECKPOINT
    tensors, facts = load_tensors(path)
    if facts.get("known") != dict(known):
        raise ConfigError(f"the pictures or weights have changed since {path} was written: begin a new run, without --resume")
    try:
        with torch.no_grad():
            run.pair.context.copy_(tensors["context"])
        moments: dict[str, Tensor] = {name[5:]: value for name, value in tensors.items() if name.startswith("adam.")}
        if moments:
            run.optimizer.state[run.pair.context] = moments
            move_moments(run.optimizer, run.pair.context.device)
        run.step = int(facts["step"])
    except (KeyError, RuntimeError) as error:
        raise ModelError(str(path), f"is no prompt run of this version: {error}") from error
