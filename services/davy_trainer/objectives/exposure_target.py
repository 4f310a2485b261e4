"""How bright an enhanced picture should be: a function from low-light pictures to mean luma."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from davy.domain.frame import BgrImage
from davy_trainer.data.photographs import Group
from davy_trainer.objectives.patches import LUMA_BGR
from davy_trainer.stages.settings import ORDINARY as ORDINARY

ExposureTarget = Callable[[Tensor, Sequence[str]], Tensor]
"""Low-light RGB (B, 3, H, W) in [0, 1], and the group of each, to the wanted mean luma of each, (B,)."""


def same_for_all(mean: float) -> ExposureTarget:
    """Every picture should have this mean luma."""
    return lambda low, _: low.new_full((len(low),), mean)


def log_mean(groups: Sequence[Group]) -> float:
    """Mean luma of unpaired well-lit photographs, averaged in stops; a group counts by its weight."""
    means, weights = [], []
    for group in groups:
        for picture in group.pictures:
            means.append(mean_luma_of(picture))
            weights.append(group.weight / len(group.pictures))
    return float(np.exp(np.average(np.log(np.maximum(means, 1 / 255)), weights=weights)))


def mean_luma_of(picture: BgrImage) -> float:
    """Mean luma of a BGR picture, in [0, 1]."""
    return float(picture.reshape(-1, 3).mean(0) @ LUMA_BGR) / 255


def prior_of(groups: Sequence[Group]) -> ExposureTarget:
    """The unpaired photographs' own brightness; ORDINARY where there are none."""
    return same_for_all(log_mean(groups) if groups else ORDINARY)
