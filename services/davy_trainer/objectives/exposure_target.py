"""Targets of the mean luma of enhanced pictures, as functions of the low-light pictures."""

from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from davy.domain.frame import BgrImage
from davy_trainer.data.photographs import Group
from davy_trainer.objectives.patches import LUMA_BGR
from davy_trainer.stages.settings import DEFAULT_MEAN_LUMA as DEFAULT_MEAN_LUMA

ExposureTarget = Callable[[Tensor, Sequence[str]], Tensor]
"""Maps low-light RGB (B, 3, H, W) in [0, 1] and the group of each to the target mean luma of each, (B,)."""


def constant_target(mean: float) -> ExposureTarget:
    """Return the same target for all pictures."""
    return lambda low, _: low.new_full((len(low),), mean)


def log_mean(groups: Sequence[Group]) -> float:
    """Return the mean luma of unpaired well-lit photographs, averaged in stops, weighted by group."""
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
    """Return the photographs' mean luma as target; DEFAULT_MEAN_LUMA without photographs."""
    return constant_target(log_mean(groups) if groups else DEFAULT_MEAN_LUMA)
