"""Every hyper-parameter of self-supervision, with its unit or its reason."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from davy_trainer.stages.loss_weights import SelfSupervisedWeights
from davy_trainer.stages.network_settings import NetworkSettings

Share = float


class SelfSupervisedSettings(SelfSupervisedWeights, NetworkSettings, frozen=True):
    """Settings of stage 0."""

    # the data
    data: tuple[Path, ...]  # folders of well-lit photographs; each sub-folder is a group
    group_weights: dict[str, PositiveFloat] = Field({})  # sampling weight of a group, by name; 1 if absent
    bracketed: tuple[str, ...] = ("multi_exposure",)  # folders or groups that also hold over- and underexposed pictures
    well_lit: tuple[float, float] = (0.38, 0.6)  # mean of usable pictures in bracketed folders, of [0, 1]
    short_side: PositiveInt = 512  # short side of photographs in px, reduced on reading: a crop shows at least half of one
    crop_width: PositiveInt = Field(384, multiple_of=2)  # px; the thumbnail is 192 wide, blocks are 1 or 2
    crop_height: PositiveInt = Field(256, multiple_of=2)  # px
    zoom: PositiveFloat = Field(1.8, ge=1)  # maximum scale of a photograph relative to the scale that the crop needs
    turn_share: Share = Field(0.7, ge=0, le=1)  # share of upright photographs that are turned to landscape
    mine_share: Share = Field(0.45, ge=0, le=1)  # share of samples that become mines
    dark_share: Share = Field(0.43, ge=0, le=1)  # share of samples that are evenly darkened; the rest stays well lit

    metered_mean: PositiveFloat = Field(0.5, lt=1)  # mean of dark samples' ground truth; outputs end 0.15 stops under it
    metering: Share = Field(0.75, ge=0, le=1)  # share of the way to metered_mean, in stops
    fixed_exposure_groups: tuple[str, ...] = ("simulated", "truths")  # groups whose pictures keep their exposure

    # the network and its optimiser
    initial_weights: Path | None = None  # weights to start from; absent: random
    width: PositiveInt = 64  # channels of the network's heads; 64 makes 81 thousand parameters
    batch: PositiveInt = 8  # photographs per step: 0.4 s on one core
    learning_rate: PositiveFloat = 2e-3  # of AdamW; the highest that stays stable with the clipped gradient
    warmup_steps: NonNegativeInt = 100  # steps of the linear warm-up
    ema_step: PositiveFloat = Field(0.005, le=1)  # share of the newest weights in the average: about 200 steps
    ema_early_steps: NonNegativeInt = 200  # steps with ema_early_step

    # the run
    checkpoint_every: PositiveInt = 100  # steps between checkpoints
    sheet_every: PositiveInt = 500  # steps between sheets of training pictures

    RENAMED: ClassVar[Mapping[str, str]] = {
        "weights": "group_weights",
        "start": "initial_weights",
        "exposed_alike": "fixed_exposure_groups",
    }

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.mine_share + self.dark_share > 1:
            raise ValueError("mine_share and dark_share sum to more than 1")
        return self
