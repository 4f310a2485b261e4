"""Every hyper-parameter of stages 1 to 3; stage 0's are in self_supervised_settings and base_settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.device_settings import DeviceSettings
from davy_trainer.stages.network_settings import NetworkSettings
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

Share = float
Labels = Literal["light", "exposure", "meaning", "fixed"]

REPLAYED = 4  # photographs of stage 0 per step of stage 2, as many as real pictures

DEFAULT_MEAN_LUMA = 0.42  # of [0, 1]: log-mean of the mean luma of 400 well-lit photographs

SMOOTHING = 0.1  # of labels: a normal picture needs a probability of 95 %, not of 100 %


class PromptSettings(DeviceSettings, frozen=True):
    """Settings of a prompt pair's training, which stages 1 and 3 share."""

    low: tuple[Path, ...]  # folders of real low-light pictures, unpaired
    normal: tuple[Path, ...]  # folders of well-lit photographs, unpaired
    clip: str = "davy"  # davy, davy:FILE, NAME:FILE or NAME:TAG; see davy.imaging.clip.load
    held_out: Share = Field(0.2, gt=0, lt=1)  # share of held-out pictures, complete recordings, for validation only
    max_pictures: PositiveInt = 400  # maximum pictures per class, evenly spaced: the image tower needs 35 ms per view
    learning_rate: PositiveFloat = 2e-3  # of Adam, constant
    smoothing: Share = Field(SMOOTHING, ge=0, lt=1)  # label smoothing, see clip_losses.prompt_cross_entropy
    batch: PositiveInt = 128  # cached views per step
    steps: PositiveInt = 400  # number of steps, 20 ms each
    checkpoint_every: PositiveInt = 50  # steps between checkpoints
    log_every: PositiveInt = 10  # steps between log lines; a line holds means over them
    short_side: PositiveInt = 384  # short side of pictures in px, reduced on reading
    seed: NonNegativeInt = 1  # random seed
    threads: PositiveInt = 1  # of torch; more than one may change the last bits of the weights

    RENAMED: ClassVar[Mapping[str, str]] = {"most": "max_pictures"}


class PairSettings(PromptSettings, frozen=True):
    """Settings of stage 1."""

    labels: Labels = "light"  # difference between the two classes, see davy_trainer.stages.pair
    texts: tuple[str, str] = ("a well-lit photo", "a low-light photo")  # normal and low-light text of labels=fixed
    label_stops: float = 1.5  # stops by which labels=exposure brightens the normal class
    tokens: PositiveInt = 16  # learnable vectors per prompt, as in CoOp
    views: PositiveInt = 2  # views per picture: the complete picture, then mirrored crops
    min_crop: Share = Field(0.6, gt=0, le=1)  # minimum share of each side in a crop; smaller patches belong to refinement

    RENAMED: ClassVar[Mapping[str, str]] = {"least_crop": "min_crop"}


class RefineSettings(PromptSettings, frozen=True):
    """Settings of stage 3."""

    prompts: Path  # prompt pair to start from
    weights: tuple[Path, ...] = Field(min_length=1)  # networks of the rounds so far, the newest last
    max_pictures: PositiveInt = 120  # maximum pictures per class, evenly spaced
    steps: PositiveInt = 300  # number of steps
    batch: PositiveInt = 48  # regions per step, each in the low, the enhanced and a normal picture
    learning_rate: PositiveFloat = 1e-3  # half of stage 1's: refinement must not replace the pair
    grid: PositiveInt = 3  # patches per side; each is half of the picture, so that neighbours overlap by half
    patches: PositiveInt = 3  # patches per picture, drawn without replacement, the darkest most often
    darkness: NonNegativeFloat = 1.0  # a patch that is a stop darker is drawn e ** darkness times as often
    margin_light: Share = Field(0.8, ge=0, le=1)  # margin of normal over low-light, in probability
    margin_normal: Share = Field(0.2, ge=0, le=1)  # margin of normal over the newest round, which may still improve
    margin_step: Share = Field(0.05, ge=0, le=1)  # margin of each round over the one before
    margin_low: Share = Field(0.2, ge=0, le=1)  # margin of the first round over low-light
    patch_weight: NonNegativeFloat = 1.0  # weight of the ranking of patches, relative to whole pictures
    entropy_weight: NonNegativeFloat = 1.0  # weight of stage 1's own loss, which keeps the classes apart


class EnhanceSettings(NetworkSettings, frozen=True):
    """Settings of stage 2."""

    low: tuple[Path, ...]  # folders of real low-light pictures, unpaired
    group_weights: dict[str, PositiveFloat] = Field({})  # sampling weight of a group, by name; 1 if absent
    initial_weights: Path  # network to start from
    prompts: Path | None = None  # prompt pair for guidance; absent: training without CLIP
    clip: str = "davy"  # davy, davy:FILE, NAME:FILE or NAME:TAG; see davy.imaging.clip.load
    replay: SelfSupervisedSettings | None = None  # settings of stage 0, whose batches are mixed in to prevent forgetting
    batch: PositiveInt = 4  # real pictures per step, in addition to the replayed ones
    crop_width: PositiveInt = Field(384, multiple_of=2)  # px
    crop_height: PositiveInt = Field(256, multiple_of=2)  # px
    zoom: PositiveFloat = Field(1.8, ge=1)  # maximum scale of a picture relative to the scale that the crop needs
    short_side: PositiveInt = 512  # short side of pictures in px, reduced on reading

    views: PositiveInt = 4  # pictures or patches per step that CLIP encodes: 90 ms each, forward and backward
    patch_share: Share = Field(0.5, ge=0, le=1)  # share of the views that are patches, drawn by darkness
    smoothing: Share = Field(SMOOTHING, ge=0, lt=1)  # label smoothing, see clip_losses.prompt_cross_entropy
    fidelity_layers: tuple[int, ...] = (1, 2, 3, 4)  # layers of the image tower; layer 0 responds mainly to noise

    clip_weight: NonNegativeFloat = 0.05  # of the cross entropy towards the normal prompt; 0.1 whitens lit places
    fidelity_weight: NonNegativeFloat = 0.2  # of 1 - cosine between feature maps before and after
    spatial_weight: NonNegativeFloat = 1.0  # of the difference in luma between neighbouring regions
    exposure: Literal["content", "prior"] = "content"  # target of the mean luma: by the scene's content, or one prior for all
    exposure_weight: NonNegativeFloat = 0.15  # of squared stops to that target; it keeps CLIP from brightening everything
    colour_weight: NonNegativeFloat = 0.2  # of squared differences of the channels' means
    smooth_weight: NonNegativeFloat = 0.005  # of squared steps between neighbouring cells of gain and colour
    distill_weight: NonNegativeFloat = 0.2  # of the distance from the initial network's output; at 1 nothing changes
    replay_weight: NonNegativeFloat = 1.0  # of all losses of the replayed batches together

    learning_rate: PositiveFloat = 5e-4  # of AdamW; a quarter of stage 0's: the initial weights are good
    warmup_steps: NonNegativeInt = 20  # steps of the linear warm-up
    ema_step: PositiveFloat = Field(0.02, le=1)  # share of the newest weights in the average: about 50 steps
    ema_early_steps: NonNegativeInt = 50  # steps with ema_early_step

    checkpoint_every: PositiveInt = 50  # steps between checkpoints
    sheet_every: PositiveInt = 200  # steps between sheets of training pictures

    RENAMED: ClassVar[Mapping[str, str]] = {"weights": "group_weights", "start": "initial_weights"}

    @model_validator(mode="after")
    def _check_inputs(self) -> Self:
        if self.prompts is None and self.uses_prompts:
            raise ValueError("give the prompts of stage 1 (--prompts RUN), or --no-clip to train without")
        if self.replay is None and self.replay_weight > 0:
            raise ValueError("replay needs well-lit photographs: give --normal FOLDER, or --set replay_weight=0")
        return self

    @property
    def reading(self) -> SelfSupervisedSettings:
        """Settings for reading low-light pictures: as photographs, but without selection and rotation."""
        return SelfSupervisedSettings(
            data=self.low,
            group_weights=self.group_weights,
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
