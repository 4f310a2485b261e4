"""Every hyper-parameter of base training, with its unit or its reason."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.loss_weights import BaseWeights

Share = float


class BaseSettings(BaseWeights, frozen=True):
    """Self-supervision from a packed data file, on any device. A checkpoint carries these, and a resumed run takes them."""

    data: Path  # a file of `davy train pack`
    scenes_share: Share = Field(0.42, ge=0, le=1)  # of batches that show the simulated mine
    raw_share: Share = Field(0.6, ge=0, le=1)  # of those, what its cameras saw; the others are lit anew, by their depth
    wide_share: Share = Field(0.3, ge=0, le=1)  # of photographs' batches that are cut to 16:9
    identity_share: Share = Field(0.14, ge=0, le=1)  # of photographs that are to be left alone
    hazy_share: Share = Field(0.16, ge=0, le=1)
    dark_share: Share = Field(0.32, ge=0, le=1)  # what is left of photographs becomes mines

    real: Path | None = None  # folder of real dark frames, which have no reference; none are used without
    real_every: PositiveInt = 2  # steps from one batch of them to the next
    real_batch: PositiveInt = 6  # frames

    start: Path | None = None  # weights to go on from; random ones without
    width: PositiveInt = 64
    detail: PositiveInt = 32
    batch: PositiveInt = 8  # pictures in a step
    windows_every: PositiveInt = 3  # one of so many pictures is also judged in detail, in a window
    echo: PositiveInt = 6  # steps for each batch that is made: on a CPU the forward model takes as long as a step
    pool: PositiveInt = 32  # batches that a step draws its pictures from; 1 with echo=1: each picture is seen once
    learning_rate: PositiveFloat = 2e-3
    final_rate: PositiveFloat = 1e-5
    warmup_steps: NonNegativeInt = 100
    weight_decay: float = Field(1e-3, ge=0)
    gradient_norm: PositiveFloat = 1.0
    ema_step: PositiveFloat = Field(0.004, le=1)
    ema_early_step: PositiveFloat = Field(0.05, le=1)
    ema_early_steps: NonNegativeInt = 300
    calm: NonNegativeFloat = 0.002  # of the fine map's roughness

    steps: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    seed: NonNegativeInt = 1
    device: str = "auto"  # cuda where there is one, else cpu
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # of the network; bfloat16 on cuda
    threads: PositiveInt = 1
    checkpoint_every: PositiveInt = 200
    log_every: PositiveInt = 20
    validation: Path | None = None
    validate_every: PositiveInt = 1000

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.identity_share + self.hazy_share + self.dark_share > 1:
            raise ValueError("identity_share, hazy_share and dark_share are together more than 1")
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self
