"""Every hyper-parameter of stages 1 to 3, with its unit or its reason; stage 0's are in settings.py."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.device_settings import DeviceSettings
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

Share = float
Labels = Literal["light", "exposure", "meaning", "fixed"]

REPLAYED = 4  # photographs of stage 0 in a step of stage 2, beside as many real pictures

ORDINARY = 0.42  # of [0, 1]: log-mean of the mean luma of 400 well-lit photographs

SMOOTHING = 0.1  # of labels: a real normal picture is normal with 95 %, and an enhanced one need not be more


class PromptSettings(DeviceSettings, frozen=True):
    """Training of a prompt pair; stages 1 and 3 share it."""

    low: tuple[Path, ...]  # folders of real low-light pictures, unpaired
    normal: tuple[Path, ...]  # folders of well-lit ones
    clip: str = "davy"  # see davy.imaging.clip.load
    held_out: Share = Field(0.2, gt=0, lt=1)  # of the pictures, by recording where names tell it: they judge only
    most: PositiveInt = 400  # pictures of a class, evenly taken: the image tower needs 35 ms for each view
    learning_rate: PositiveFloat = 2e-3  # of Adam, constant
    smoothing: Share = Field(SMOOTHING, ge=0, lt=1)  # of labels, see clip_losses.prompt_cross_entropy
    batch: PositiveInt = 128  # cached views in a step
    steps: PositiveInt = 400  # 20 ms each
    checkpoint_every: PositiveInt = 50
    log_every: PositiveInt = 10
    short_side: PositiveInt = 384  # px that pictures are reduced to when read: the tower sees 224
    seed: NonNegativeInt = 1
    threads: PositiveInt = 1


class PairSettings(PromptSettings, frozen=True):
    """Stage 1."""

    labels: Labels = "light"  # what separates the two classes, see davy_trainer.stages.pair
    texts: tuple[str, str] = ("a well-lit photo", "a low-light photo")  # of labels=fixed, normal then low
    label_stops: float = 1.5  # of labels=exposure: so much brighter the normal class becomes
    tokens: PositiveInt = 16  # learnable vectors of a prompt, as in CoOp
    views: PositiveInt = 2  # of a picture: the whole, then mirrored crops of at least least_crop of each side
    least_crop: Share = Field(0.6, gt=0, le=1)  # smaller parts are refinement's


class RefineSettings(PromptSettings, frozen=True):
    """Stage 3."""

    prompts: Path  # a prompt pair to start from
    weights: tuple[Path, ...] = Field(min_length=1)  # of the networks so far, the newest last
    most: PositiveInt = 120
    steps: PositiveInt = 300
    batch: PositiveInt = 48  # places, each seen in the low, the enhanced and a normal picture
    learning_rate: PositiveFloat = 1e-3  # half of stage 1's: the pair is to be refined, not replaced
    grid: PositiveInt = 3  # patches per side; each is half of the picture, so that neighbours overlap by half
    patches: PositiveInt = 3  # of a picture, drawn without return, the darkest most often
    darkness: NonNegativeFloat = 1.0  # a patch that is a stop darker is drawn e ** darkness times as often
    margin_light: Share = Field(0.8, ge=0, le=1)  # normal over low-light, in probability
    margin_normal: Share = Field(0.2, ge=0, le=1)  # normal over the newest; the newest has room to improve
    margin_step: Share = Field(0.05, ge=0, le=1)  # the newest over the one before, and so on down
    margin_low: Share = Field(0.2, ge=0, le=1)  # the earliest over low-light
    patch_weight: NonNegativeFloat = 1.0  # of the local ranking beside the global one
    entropy_weight: NonNegativeFloat = 1.0  # of stage 1's own loss, so that the classes stay apart


class EnhanceSettings(DeviceSettings, frozen=True):
    """Stage 2. A weight of 0 switches its loss off."""

    low: tuple[Path, ...]  # folders of real low-light pictures; each sub-folder is a group
    weights: dict[str, PositiveFloat] = Field({})  # share of a group among the samples, by name; 1 where not named
    start: Path  # the network to start from
    prompts: Path | None = None  # a prompt pair; without one no CLIP takes part
    clip: str = "davy"
    replay: SelfSupervisedSettings | None = None  # stage 0's own batches, mixed in so that nothing is forgotten
    batch: PositiveInt = 4  # real pictures in a step, beside the replayed ones
    crop_width: PositiveInt = Field(384, multiple_of=2)
    crop_height: PositiveInt = Field(256, multiple_of=2)
    zoom: PositiveFloat = Field(1.8, ge=1)
    short_side: PositiveInt = 512

    views: PositiveInt = 4  # pictures or parts of them that the CLIP sees in a step: 90 ms each, forward and back
    patch_share: Share = Field(0.5, ge=0, le=1)  # of the views that are parts, drawn by darkness
    smoothing: Share = Field(SMOOTHING, ge=0, lt=1)  # as the prompts were trained
    fidelity_layers: tuple[int, ...] = (1, 2, 3, 4)  # of the image tower; layer 0 sees noise and little else

    clip_weight: NonNegativeFloat = 0.05  # 0.1 lifts the dark more and whitens what is lit
    fidelity_weight: NonNegativeFloat = 0.2
    spatial_weight: NonNegativeFloat = 1.0
    exposure: Literal["content", "prior"] = "content"  # what the mean luma should be: the scene's own, or one for all
    exposure_weight: NonNegativeFloat = 0.15  # holds the mean, so that the CLIP moves light into the dark, not up
    colour_weight: NonNegativeFloat = 0.2
    smooth_weight: NonNegativeFloat = 0.005
    distill_weight: NonNegativeFloat = 0.2  # at 1 nothing moves
    replay_weight: NonNegativeFloat = 1.0

    learning_rate: PositiveFloat = 5e-4  # of AdamW; a quarter of stage 0's: the start is good
    final_rate: PositiveFloat = 1e-5
    warmup_steps: NonNegativeInt = 20
    weight_decay: float = Field(1e-4, ge=0)
    gradient_norm: PositiveFloat = 1.0
    ema_step: PositiveFloat = Field(0.02, le=1)  # an average over about 50 steps
    ema_early_step: PositiveFloat = Field(0.05, le=1)
    ema_early_steps: NonNegativeInt = 50

    steps: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    seed: NonNegativeInt = 1
    threads: PositiveInt = 1
    workers: PositiveInt = 1
    ahead: PositiveInt = 4
    checkpoint_every: PositiveInt = 50
    log_every: PositiveInt = 10
    validation: Path | None = None
    validate_every: PositiveInt = 500
    sheet_every: PositiveInt = 200

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        if self.prompts is None and self.uses_prompts:
            raise ValueError("give the prompts of stage 1 (--prompts RUN), or --no-clip to train without")
        if self.replay is None and self.replay_weight > 0:
            raise ValueError("replay needs well-lit photographs: give --normal FOLDER, or --set replay_weight=0")
        return self

    @property
    def reading(self) -> SelfSupervisedSettings:
        """How low-light pictures are read and cropped: as photographs are, none left out, none turned."""
        return SelfSupervisedSettings(
            data=self.low,
            weights=self.weights,
            bracketed=(),
            short_side=self.short_side,
            crop_width=self.crop_width,
            crop_height=self.crop_height,
            zoom=self.zoom,
            turn_share=0,
            steps=1,
        )

    @property
    def uses_prompts(self) -> bool:
        return self.clip_weight > 0

    @property
    def uses_clip(self) -> bool:
        return self.clip_weight > 0 or self.fidelity_weight > 0
