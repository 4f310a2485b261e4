"""Settings that the stages which train the network share."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.device_settings import DeviceSettings


class NetworkSettings(DeviceSettings, frozen=True):
    """Optimiser and run of stages 0 and 2."""

    final_rate: PositiveFloat = 1e-5  # learning rate at the end of the cosine
    weight_decay: float = Field(1e-4, ge=0)  # of AdamW
    gradient_norm: PositiveFloat = 1.0  # maximum norm of the gradient; longer gradients are clipped
    ema_early_step: PositiveFloat = Field(0.05, le=1)  # share of the newest weights during the first ema_early_steps steps

    steps: PositiveInt | None = None  # number of steps; give either steps or minutes
    minutes: PositiveFloat | None = None  # approximate duration; the number of steps is estimated after the warm-up
    seed: NonNegativeInt = 1  # random seed
    threads: PositiveInt = 1  # of torch; more than one may change the last bits of the weights
    workers: PositiveInt = 1  # processes that prepare batches; their number changes no picture
    prefetch: PositiveInt = 4  # batches that each worker keeps ready
    log_every: PositiveInt = 10  # steps between log lines; a line holds means over them
    validation: Path | None = None  # folder with low/ and high/
    validate_every: PositiveInt = 500  # steps between validations

    RENAMED: ClassVar[Mapping[str, str]] = {"ahead": "prefetch"}

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self
