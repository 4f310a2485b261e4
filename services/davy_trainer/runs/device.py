"""The device that a stage trains on, and the precision of its networks."""

import os
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from davy.domain.errors import ConfigError
from davy_trainer.runs.run import Training


class ChoosesDevice(Protocol):
    """Settings of a stage that Device.of reads."""

    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Device:
    """Device of the training, and whether its networks compute in bfloat16."""

    device: torch.device
    half: bool

    @classmethod
    def of(cls, settings: ChoosesDevice) -> "Device":
        """Resolve `auto`: a GPU if torch sees one, with bfloat16, else the CPU with float32.

        Raises:
            ConfigError: The settings name a GPU that torch does not see.
        """
        name = settings.device
        if name == "auto":
            name = "cuda" if torch.cuda.is_available() else "cpu"
        if name.startswith("cuda") and not torch.cuda.is_available():
            raise ConfigError(f"device {name!r}: torch sees no GPU here; set device=cpu or device=auto")
        if name == "cuda":  # each rank of torchrun uses its own
            name = f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"
        half = name != "cpu" if settings.precision == "auto" else settings.precision == "bfloat16"
        return cls(torch.device(name), half)

    def autocast(self) -> torch.autocast:
        """Context of a network's forward pass; in float32 it changes nothing."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.half)

    def read_every(self, log_every: int) -> int:
        """Return the steps between two readings of the losses: a reading waits for a GPU and is free on a CPU."""
        return 1 if self.device.type == "cpu" else log_every


def move(run: Training[Any], device: torch.device) -> None:
    """Move the network, the average and the optimiser's moments to the device."""
    run.net.to(device)
    run.average.to(device)
    move_moments(run.optimizer, device)


def move_moments(optimizer: torch.optim.Optimizer, device: torch.device) -> None:
    """Move an optimiser's moments to the device; the step count stays on the CPU, as PyTorch requires."""
    for state in optimizer.state.values():
        for name, value in state.items():
            if torch.is_tensor(value) and name != "step":
                state[name] = value.to(device)
