"""Every hyper-parameter of self-supervision, with its unit or its reason."""

from pathlib import Path
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.device_settings import DeviceSettings
from davy_trainer.stages.loss_weights import SelfSupervisedWeights

Share = float


class SelfSupervisedSettings(SelfSupervisedWeights, DeviceSettings, frozen=True):
    """A checkpoint carries these; a resumed run takes them from there."""

    # the data
    data: tuple[Path, ...]  # folders of well-lit photographs; each sub-folder is a group
    weights: dict[str, PositiveFloat] = Field({})  # share of a group among the samples, by name; 1 where not named
    bracketed: tuple[str, ...] = ("multi_exposure",)  # folders or groups that hold over- and underexposed pictures, too
    well_lit: tuple[float, float] = (0.38, 0.6)  # of those only pictures with a mean in this range, of [0, 1], are truths
    short_side: PositiveInt = 512  # px that photographs are reduced to when read: a crop shows at least half of one
    crop_width: PositiveInt = Field(384, multiple_of=2)  # px: the thumbnail is 192 wide, blocks are 1 or 2
    crop_height: PositiveInt = Field(256, multiple_of=2)
    zoom: PositiveFloat = Field(1.8, ge=1)  # a photograph is scaled up to this much over what the crop needs
    turn_share: Share = Field(0.7, ge=0, le=1)  # of upright photographs that are laid on their side: cameras are wide
    mine_share: Share = Field(0.45, ge=0, le=1)  # of samples that become mines
    dark_share: Share = Field(0.43, ge=0, le=1)  # evenly dark; what is left stays well lit, to be left alone

    metered_mean: PositiveFloat = Field(0.5, lt=1)  # outputs end 0.15 stops under it; well-lit pictures have .42 to .46
    metering: Share = Field(0.75, ge=0, le=1)  # of the way there, in stops, that truths of dark samples are brought
    exposed_alike: tuple[str, ...] = ("simulated", "truths")  # groups whose pictures keep their exposure: nobody chose it

    # the network and its optimiser
    start: Path | None = None  # weights to go on from, as of an earlier run; random ones without
    width: PositiveInt = 64  # channels of the network's heads: 81 thousand parameters
    batch: PositiveInt = 8  # photographs in a step: 0.4 s on one core
    learning_rate: PositiveFloat = 2e-3  # of AdamW; the highest that stays stable with the clipped gradient
    final_rate: PositiveFloat = 1e-5  # at the end of the cosine
    warmup_steps: NonNegativeInt = 100  # the heads start near zero: full steps at once would saturate them
    weight_decay: float = Field(1e-4, ge=0)
    gradient_norm: PositiveFloat = 1.0  # longer gradients are cut to this
    ema_step: PositiveFloat = Field(0.005, le=1)  # share of the newest weights: an average over about 200 steps
    ema_early_step: PositiveFloat = Field(0.05, le=1)  # while the weights still move fast
    ema_early_steps: NonNegativeInt = 200

    # the run
    steps: PositiveInt | None = None
    minutes: PositiveFloat | None = None  # the number of steps is then estimated once the warm-up is over
    seed: NonNegativeInt = 1
    threads: PositiveInt = 1  # of torch; more than one may change the last bits of the weights
    workers: PositiveInt = 1  # processes that make pictures; their number changes no picture
    ahead: PositiveInt = 4  # batches that each worker holds ready
    checkpoint_every: PositiveInt = 100  # steps
    log_every: PositiveInt = 10  # steps, over which the logged values are means
    validation: Path | None = None  # a folder with low/ and high/
    validate_every: PositiveInt = 500  # steps
    sheet_every: PositiveInt = 500  # steps

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.mine_share + self.dark_share > 1:
            raise ValueError("mine_share and dark_share are together more than 1")
        if (self.steps is None) == (self.minutes is None):
            raise ValueError("give either steps or minutes")
        return self
