"""State of a training run and its checkpoint."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from davy.domain.errors import ConfigError, ModelError, TrainingError
from davy.imaging.nets.checkpoint import (
    Checkpoint,
    load_checkpoint,
    net_of,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
)
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.photographs import Group
from davy_trainer.stages.migration import migrate_facts
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

CHECKPOINT = "checkpoint.safetensors"
SPEED_STEPS = 20  # minimum number of timed steps before the total is estimated


class Schedule(Protocol):
    """Settings of optimiser and schedule; davy_trainer.stages.self_supervised_settings describes the fields."""

    @property
    def learning_rate(self) -> float: ...
    @property
    def final_rate(self) -> float: ...
    @property
    def warmup_steps(self) -> int: ...
    @property
    def weight_decay(self) -> float: ...
    @property
    def ema_step(self) -> float: ...
    @property
    def ema_early_step(self) -> float: ...
    @property
    def ema_early_steps(self) -> int: ...
    @property
    def minutes(self) -> float | None: ...
    def model_dump(self, *, mode: str = ...) -> dict[str, Any]: ...


S = TypeVar("S", bound=Schedule)


@dataclass
class Training(Generic[S]):
    """State of a training run, and its constant settings."""

    settings: S
    net: IspCnn
    average: IspCnn  # exponential moving average of the weights, for validation and export
    optimizer: torch.optim.AdamW
    command: str
    step: int = 0  # completed steps
    total: int | None = None  # number of steps; None until it is estimated from minutes
    seconds: float = 0.0  # training time, over all resumptions

    @property
    def finished(self) -> bool:
        return self.total is not None and self.step >= self.total

    def rate(self) -> float:
        """Return the learning rate of the next step: linear warm-up, then a half cosine."""
        settings, warm = self.settings, self.settings.warmup_steps
        if self.step < warm or self.total is None:
            return settings.learning_rate * min(1.0, (self.step + 1) / max(warm, 1))
        progress = (self.step - warm) / max(self.total - warm, 1)
        return settings.final_rate + (settings.learning_rate - settings.final_rate) * (0.5 + 0.5 * math.cos(math.pi * progress))

    def update_ema(self) -> None:
        """Move the exponential moving average one step towards the weights."""
        early = self.step < self.settings.ema_early_steps
        share = self.settings.ema_early_step if early else self.settings.ema_step
        with torch.no_grad():
            for mean, newest in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(newest, share)

    def plan_steps(self) -> None:
        """Estimate the number of steps from minutes, once the speed is known; afterwards it is fixed."""
        minutes = self.settings.minutes
        if self.total is not None or minutes is None:
            return
        left_s = minutes * 60 - self.seconds
        if left_s <= 0:
            self.total = self.step
        elif self.step >= max(self.settings.warmup_steps, SPEED_STEPS):
            self.total = self.step + max(round(left_s * self.step / self.seconds), 1)


Run = Training[SelfSupervisedSettings]


def begin(settings: SelfSupervisedSettings, command: str) -> Run:
    """Return a run at step 0 with random weights of the seed."""
    torch.manual_seed(settings.seed)
    return begin_from(IspCnn(settings.width), settings, command, settings.steps)


def begin_from(net: IspCnn, settings: S, command: str, steps: int | None) -> Training[S]:
    """Return a run at step 0 with a network's weights."""
    average = IspCnn(net.width, net.detail)
    average.load_state_dict(net.state_dict())
    return Training(settings, net, average, _optimizer(net, settings), command, total=steps)


def save(run: Run, groups: Sequence[Group], path: Path) -> None:
    """Write the run's checkpoint."""
    save_training(run, {"photographs": fingerprint(groups)}, path)


def save_training(run: Training[S], known: Mapping[str, Any], path: Path) -> None:
    """Write a run's checkpoint.

    Args:
        known: Facts of the data, JSON values; a resumed run checks them.
    """
    facts = {
        "settings": run.settings.model_dump(mode="json"),
        "command": run.command,
        "step": run.step,
        "total": run.total,
        "seconds": round(run.seconds, 1),
        "width": run.net.width,
        "detail": run.net.detail,
        **known,
    }
    weights, average = _weights(run.net), _weights(run.average)
    save_checkpoint(path, Checkpoint(weights, average, optimizer_tensors(run.optimizer, run.net), facts))


def settings_of(path: Path) -> tuple[SelfSupervisedSettings, Checkpoint]:
    """Read the settings of a checkpoint of stage 0, and the checkpoint; errors as of stored_settings."""
    return stored_settings(path, SelfSupervisedSettings)


M = TypeVar("M", bound=BaseModel)


def stored_settings(path: Path, kind: type[M]) -> tuple[M, Checkpoint]:
    """Read the settings of a checkpoint, and the checkpoint.

    Raises:
        ConfigError: There is none at path.
        ModelError: The checkpoint cannot be used.
    """
    if not path.is_file():
        raise ConfigError(f"nothing to resume: {path} does not exist")
    checkpoint = load_checkpoint(path)
    try:
        return kind.model_validate(checkpoint.facts.get("settings")), checkpoint
    except ValidationError as error:
        raise ModelError(str(path), f"has settings that this version does not know: {error}") from error


def resume(settings: SelfSupervisedSettings, checkpoint: Checkpoint, groups: Sequence[Group], path: Path) -> Run:
    """Restore a run of stage 0; errors as of resume_training."""
    return resume_training(settings, checkpoint, {"photographs": fingerprint(groups)}, path)


def resume_training(settings: S, checkpoint: Checkpoint, known: Mapping[str, Any], path: Path) -> Training[S]:
    """Restore a run from a checkpoint.

    Raises:
        ConfigError: The data has changed.
        ModelError: The checkpoint cannot be used.
    """
    facts = migrate_facts(checkpoint.facts)
    for name, value in known.items():
        if facts.get(name) != value:
            raise ConfigError(f"the {name} have changed since {path} was written: start a new run, without --resume")
    net = net_of(checkpoint.weights, facts, path)
    average = net_of(checkpoint.ema, facts, path)
    optimizer = _optimizer(net, settings)
    try:
        restore_optimizer(optimizer, net, checkpoint.optimizer)
        return Training(settings, net, average, optimizer, facts["command"], facts["step"], facts["total"], facts["seconds"])
    except KeyError as error:
        raise ModelError(str(path), f"is not a checkpoint of this version: {error}") from error


def fingerprint(groups: Sequence[Group]) -> dict[str, Any]:
    """Return count and checksum of the photographs of each group, JSON values."""
    found: dict[str, dict[str, int]] = {}
    for group in groups:  # two folders may have sub-folders of the same name
        facts = found.setdefault(group.name, {"count": 0, "checksum": 0})
        facts["count"] += len(group.pictures)
        facts["checksum"] ^= group.checksum
    return found


def check_finite(step: int, loss: float, gradient_norm: float, learning_rate: float) -> None:
    """Check the loss and the gradient before the step is taken.

    Raises:
        TrainingError: One is not finite; the message suggests a fifth of the learning rate.
    """
    if not math.isfinite(loss) or not math.isfinite(gradient_norm):
        raise TrainingError(
            f"step {step} has loss {loss} and gradient {gradient_norm}: start a new run with another --seed, "
            f"or with a lower rate (--set learning_rate={learning_rate / 5:g})"
        )


def _weights(net: IspCnn) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


def _optimizer(net: IspCnn, settings: Schedule) -> torch.optim.AdamW:
    return torch.optim.AdamW(net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
