"""Every hyper-parameter of the adaptation to changed light; the weights of its losses are in stages.loss_weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.device_settings import DeviceSettings
from davy_trainer.stages.loss_weights import AdaptWeights
from davy_trainer.stages.settings import DEFAULT_MEAN_LUMA, SMOOTHING

Share = float


class AdaptSettings(AdaptWeights, DeviceSettings, frozen=True):
    """Settings of `davy train adapt`."""

    samples: Path  # folder of raw samples: a sub-folder EDGE/CAM, EDGE--CAM or EDGE.CAM per camera
    drifted: tuple[str, ...] = Field(min_length=1)  # cameras EDGE/CAM whose light changed
    model: Path  # the running model
    clip: str = "davy"  # davy, davy:FILE, NAME:FILE or NAME:TAG; see davy.imaging.clip.load

    max_samples: PositiveInt = 12  # maximum samples of a drifted camera, the newest of each light: 4 MB of memory each
    max_retained: PositiveInt = 96  # maximum pictures of all other cameras together, in many lights: 2 MB each
    max_held_out: PositiveInt = 24  # maximum held-out pictures of them for the weight interpolation: 4 MB each
    max_change: PositiveFloat = 0.008  # maximum RMS change of these cameras' regions, of [0, 1]; see adapt.wise_ft
    relit: PositiveInt = 6  # pictures of the earlier light, darkened to the new one
    dimmer_stops: Share = Field(0.7, ge=0)  # maximum stops by which each picture is repeated darker or brighter

    level: Share = Field(DEFAULT_MEAN_LUMA, gt=0, lt=1)  # display mean that evenly lit rock should have
    brightness_strength: Share = Field(0.5, ge=0, le=1)  # share of the way to a flat field in brightness; 1 looks flat
    colour_strength: Share = Field(0.6, ge=0, le=1)  # share of the way to a flat field in colour
    region: Share = Field(0.07, gt=0, le=0.5)  # share of a picture's height over which light is even

    prompt_steps: NonNegativeInt = 150  # steps of the prompts' refresh; 0 trains without CLIP
    clip_views: PositiveInt = 1  # drifted pictures per step that CLIP encodes: 90 ms each
    smoothing: Share = Field(SMOOTHING, ge=0, lt=1)  # label smoothing of the prompts' training

    batch: PositiveInt = 2  # pictures of drifted cameras per step
    retained_batch: PositiveInt = 8  # pictures of other cameras per step
    steps: PositiveInt = 200  # number of steps: 0.6 s each on one core
    learning_rate: PositiveFloat = 1.5e-3  # of AdamW; at 5e-4 some runs reached only a quarter of the change
    final_rate: PositiveFloat = 1e-5  # learning rate at the end of the cosine
    warmup_steps: NonNegativeInt = 20  # steps of the linear warm-up
    weight_decay: float = Field(1e-4, ge=0)  # of AdamW
    gradient_norm: PositiveFloat = 1.0  # maximum norm of the gradient; longer gradients are clipped
    ema_step: PositiveFloat = Field(0.02, le=1)  # share of the newest weights in the exponential moving average
    ema_early_step: PositiveFloat = Field(0.05, le=1)  # the same during the first ema_early_steps steps
    ema_early_steps: NonNegativeInt = 50  # steps with ema_early_step
    minutes: None = None  # unused: steps set the duration
    seed: NonNegativeInt = 1  # random seed
    threads: PositiveInt = 1  # of torch; more than one may change the last bits of the weights
    checkpoint_every: PositiveInt = 20  # steps between checkpoints
    log_every: PositiveInt = 10  # steps between log lines; a line holds means over them
    sheet_every: PositiveInt = 100  # steps between sheets

    RENAMED: ClassVar[Mapping[str, str]] = {
        "start": "model",
        "most": "max_samples",
        "most_kept": "max_retained",
        "most_held": "max_held_out",
        "most_change": "max_change",
        "evening": "brightness_strength",
        "neutral": "colour_strength",
        "kept": "retained_batch",
    }

    @model_validator(mode="after")
    def _check_cameras(self) -> Self:
        if odd := [name for name in self.drifted if name.count("/") != 1]:
            raise ValueError(f"{odd[0]!r} is not a camera: write EDGE/CAM")
        return self

    @property
    def guided(self) -> bool:
        """Whether CLIP guides the adaptation."""
        return self.prompt_steps > 0 and self.clip_weight > 0
