"""Every hyper-parameter of base training, with its unit or its reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.loss_weights import BaseWeights

Share = float


class BaseSettings(BaseWeights, frozen=True):
    """Settings of base training: self-supervision from a packed data file, on any device."""

    data: Path  # file of `davy train pack-data`
    scenes_share: Share = Field(0.42, ge=0, le=1)  # share of batches of the simulated mine
    raw_share: Share = Field(
        0.6, ge=0, le=1
    )  # share of these with the raw picture of its cameras; the others are relit by depth
    wide_share: Share = Field(0.3, ge=0, le=1)  # share of batches of photographs that are cropped to 16:9
    identity_share: Share = Field(0.14, ge=0, le=1)  # share of photographs that stay unchanged
    hazy_share: Share = Field(0.16, ge=0, le=1)  # share of photographs that become hazy
    dark_share: Share = Field(0.32, ge=0, le=1)  # share that is evenly darkened; the rest becomes mines

    real: Path | None = None  # folder of real dark frames without references; absent: none
    real_every: PositiveInt = 2  # steps between two batches of real frames
    real_batch: PositiveInt = 6  # real frames per batch

    people: Path | None = None  # detector that guides, .onnx or .safetensors; needs people_weight; absent: none

    initial_weights: Path | None = None  # weights to start from; absent: random
    width: PositiveInt = 64  # channels of the network's heads
    detail: PositiveInt = 32  # channels of the fine branch
    batch: PositiveInt = 8  # pictures per step
    windows_every: PositiveInt = 3  # one picture in windows_every also has losses at full resolution, in a window
    echo: PositiveInt = 6  # steps per new batch (data echoing): on a CPU the forward model takes as long as a step
    pool: PositiveInt = 32  # batches that a step draws its pictures from; pool=1 and echo=1 use each picture once
    learning_rate: PositiveFloat = 2e-3  # of AdamW
    final_rate: PositiveFloat = 1e-5  # learning rate at the end of the cosine
    warmup_steps: NonNegativeInt = 100  # steps of the linear warm-up
    weight_decay: float = Field(1e-3, ge=0)  # of AdamW
    gradient_norm: PositiveFloat = 1.0  # maximum norm of the gradient; longer gradients are clipped
    ema_step: PositiveFloat = Field(0.004, le=1)  # share of the newest weights in the exponential moving average
    ema_early_step: PositiveFloat = Field(0.05, le=1)  # the same during the first ema_early_steps steps
    ema_early_steps: NonNegativeInt = 300  # steps with ema_early_step

    steps: PositiveInt | None = None  # number of steps; give either steps or minutes
    minutes: PositiveFloat | None = None  # approximate duration
    seed: NonNegativeInt = 1  # random seed
    device: str = "auto"  # cuda if torch sees a GPU, else cpu
    precision: Literal["auto", "float32", "bfloat16"] = (
        "auto"  # of the network's passes; auto: bfloat16 on a GPU, float32 on a CPU
    )
    threads: PositiveInt = 1  # of torch
    checkpoint_every: PositiveInt = 200  # steps between checkpoints
    log_every: PositiveInt = 20  # steps between log lines
    validation: Path | None = None  # folder with low/ and high/
    validate_every: PositiveInt = 1000  # steps between validations

    RENAMED: ClassVar[Mapping[str, str]] = {"start": "initial_weights"}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.identity_share + self.hazy_share + self.dark_share > 1:
            raise ValueError("identity_share, hazy_share and dark_share sum to more than 1")
        if (self.people is None) != (self.people_weight == 0):
            raise ValueError("give both people, a detector, and people_weight above 0, or neither")
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self
