"""Settings of the detector's training; importing them needs no torch."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class PeopleSettings(BaseModel):
    """Settings of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Path = Field(description="Weights to start from, .safetensors or .onnx of this network; they are the teacher, too.")
    mine: tuple[Path, ...] = Field(min_length=1, description="Folders of `davy simulator people`.")
    photographs: tuple[Path, ...] = Field((), description="Folders of ordinary photographs, searched recursively.")
    steps: PositiveInt = Field(2000, description="Number of steps.")
    minutes: PositiveFloat | None = Field(None, description="Stop after this time; the learning rate falls to its end by then.")
    mine_batch: PositiveInt = Field(8, description="Pictures of the mine in a step.")
    photograph_batch: PositiveInt = Field(3, description="Photographs in a step.")
    learning_rate: PositiveFloat = Field(3e-4, description="Largest learning rate of AdamW.")
    warmup_steps: PositiveInt = Field(60, description="Steps until the largest learning rate.")
    weight_decay: float = Field(0.01, ge=0, description="Of AdamW.")
    gradient_norm: PositiveFloat = Field(10.0, description="Gradients above this norm are scaled down.")
    ema: float = Field(0.996, gt=0, lt=1, description="Share of the average that stays at each step.")
    log_every: PositiveInt = Field(20, description="Steps between two lines of the log.")
    checkpoint_every: PositiveInt = Field(100, description="Steps between two checkpoints.")
    seed: int = Field(0, description="Of the weights' order and all augmentation.")
