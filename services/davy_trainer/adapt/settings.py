"""Every hyper-parameter of the adaptation to changed light, with its unit or its reason."""

from pathlib import Path
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.device_settings import DeviceSettings
from davy_trainer.stages.loss_weights import AdaptWeights
from davy_trainer.stages.settings import ORDINARY, SMOOTHING

Share = float


class AdaptSettings(AdaptWeights, DeviceSettings, frozen=True):
    """Of `davy train adapt`. A weight of 0 switches its loss off."""

    samples: Path  # folder of raw samples: a sub-folder EDGE/CAM, EDGE--CAM or EDGE.CAM for each camera
    drifted: tuple[str, ...] = Field(min_length=1)  # EDGE/CAM whose light changed
    start: Path  # the running model
    clip: str = "davy"

    most: PositiveInt = 12  # samples of a drifted camera, the newest of each light: 4 MB in memory each
    most_kept: PositiveInt = 96  # pictures of all other cameras together, as many of each, in many lights: 2 MB in memory each
    most_held: PositiveInt = 24  # more of them, whole, for the last look: 4 MB each
    most_change: PositiveFloat = 0.008  # of any such camera's regions, root mean square, of [0, 1]; see adapt_settle
    relit: PositiveInt = 6  # pictures of the earlier light, darkened to the new one
    dimmer_stops: Share = Field(0.7, ge=0)  # every picture is seen a second time at random so much darker or brighter

    level: Share = Field(ORDINARY, gt=0, lt=1)  # display mean that evenly lit rock should have everywhere
    evening: Share = Field(0.5, ge=0, le=1)  # how much of the way there targets are brought, brightness; 1 looks flat
    neutral: Share = Field(0.6, ge=0, le=1)  # and colour
    region: Share = Field(0.07, gt=0, le=0.5)  # of a picture's height: over so much light is taken to be even

    prompt_steps: NonNegativeInt = 150  # of refreshing the prompts; 0 leaves the CLIP out
    clip_views: PositiveInt = 1  # of drifted pictures in a step: 90 ms each
    smoothing: Share = Field(SMOOTHING, ge=0, lt=1)  # as the prompts were trained

    batch: PositiveInt = 2  # pictures of drifted cameras in a step
    kept: PositiveInt = 8  # of others, beside them
    steps: PositiveInt = 200  # 0.6 s each on one core
    learning_rate: PositiveFloat = 1.5e-3  # at 5e-4 some starting weights came a quarter of the way only
    final_rate: PositiveFloat = 1e-5
    warmup_steps: NonNegativeInt = 20
    weight_decay: float = Field(1e-4, ge=0)
    gradient_norm: PositiveFloat = 1.0
    ema_step: PositiveFloat = Field(0.02, le=1)
    ema_early_step: PositiveFloat = Field(0.05, le=1)
    ema_early_steps: NonNegativeInt = 50
    minutes: None = None  # steps say how long
    seed: NonNegativeInt = 1
    threads: PositiveInt = 1
    checkpoint_every: PositiveInt = 20
    log_every: PositiveInt = 10
    sheet_every: PositiveInt = 100

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if odd := [name for name in self.drifted if name.count("/") != 1]:
            raise ValueError(f"{odd[0]!r} names no camera: write EDGE/CAM")
        return self

    @property
    def guided(self) -> bool:
        """True where the CLIP takes part."""
        return self.prompt_steps > 0 and self.clip_weight > 0
