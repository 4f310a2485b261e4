"""Weights of the losses, as settings. A weight of 0 switches its loss off; the defaults are those of the shipped weights."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import NonNegativeFloat

from davy_trainer.stages.migration import MigratedSettings


class ReferenceWeights(MigratedSettings, frozen=True):
    """Weights of the losses against a target, in stage 0 and in adaptation; see davy_trainer.objectives.losses."""

    charbonnier_weight: NonNegativeFloat = 1.0  # smooth L1 over all pixels
    decibels_weight: NonNegativeFloat = 0.15  # log10 of the mean squared error of each picture
    uneven_weight: NonNegativeFloat = 0.2  # the same of 16 x 16 px means: the distribution of light
    ssim_weight: NonNegativeFloat = 0.25  # 1 - SSIM of luma
    colour_weight: NonNegativeFloat = 0.5  # 1 - cosine between the colours of 8 x 8 px means


class SelfSupervisedWeights(ReferenceWeights, frozen=True):
    """Weights of stage 0."""

    vif_weight: NonNegativeFloat = 0.3  # 1 - VIF of luma, on every second picture of the batch
    smooth_weight: NonNegativeFloat = 0.005  # mean squared step between neighbouring cells of the gain, square stops


class BaseWeights(MigratedSettings, frozen=True):
    """Weights of base training: on block means of whole pictures, then in a window at full resolution."""

    charbonnier_weight: NonNegativeFloat = 0.5  # smooth L1 of block means
    decibels_weight: NonNegativeFloat = 0.07  # log10 of the mean squared error of block means
    uneven_weight: NonNegativeFloat = 0.15  # the same of 4 x 4 blocks: the distribution of light
    ssim_weight: NonNegativeFloat = 0.3  # 1 - SSIM of block means
    colour_weight: NonNegativeFloat = 1.2  # 1 - cosine between the colours of 2 x 2 blocks
    chroma_weight: NonNegativeFloat = 0.7  # smooth L1 of block means without their luma
    smooth_weight: NonNegativeFloat = 0.005  # mean squared step between neighbouring cells of the gain, square stops
    window_charbonnier_weight: NonNegativeFloat = 0.5  # smooth L1 in the window
    window_decibels_weight: NonNegativeFloat = 0.07  # log10 of the mean squared error in the window
    window_ssim_weight: NonNegativeFloat = 0.4  # 1 - SSIM in the window
    window_vif_weight: NonNegativeFloat = 0.4  # 1 - VIF in the window
    real_lift_weight: NonNegativeFloat = 1.5  # of real frames: display units by which the dark stays below the minimum
    real_purple_weight: NonNegativeFloat = 3.0  # of real frames: red and blue over green in the dark
    real_neutral_weight: NonNegativeFloat = 0.15  # of real frames: any chroma in the dark
    real_bands_weight: NonNegativeFloat = 2.0  # of real frames: rows and columns that differ from those around them
    real_clipped_weight: NonNegativeFloat = 2.0  # of real frames: display units by which lit regions burn out
    real_contrast_weight: NonNegativeFloat = 1.5  # of real frames: local contrast below the raw frame's
    people_weight: NonNegativeFloat = (
        0.0  # scores and boxes of the detector in `people` against those in the truth; one picture a step
    )
    fine_smooth_weight: NonNegativeFloat = 0.002  # mean squared step between neighbouring cells of the fine map

    RENAMED: ClassVar[Mapping[str, str]] = {"calm": "fine_smooth_weight"}


class AdaptWeights(ReferenceWeights, frozen=True):
    """Weights of adaptation: of drifted cameras against their targets, then of all other cameras against the running model."""

    spatial_weight: NonNegativeFloat = 0.5  # neighbouring regions keep their difference in luma
    exposure_weight: NonNegativeFloat = 0.05  # squared stops between the mean luma and `level`
    clip_weight: NonNegativeFloat = 0.02  # cross entropy towards the normal prompt
    smooth_weight: NonNegativeFloat = 0.005  # mean squared step between neighbouring cells of gain and colour, square stops
    l2_sp_weight: NonNegativeFloat = 0.02  # squared distance from the running model's weights
    retention_weight: NonNegativeFloat = 4.0  # the next four losses together, on the other cameras
    retention_charbonnier_weight: NonNegativeFloat = 1.0  # smooth L1 against the running model's picture
    retention_decibels_weight: NonNegativeFloat = 0.05  # log10 of the mean squared error against it
    retention_uneven_weight: NonNegativeFloat = 0.05  # the same of 16 x 16 px means
    retention_mean_weight: NonNegativeFloat = 0.05  # the same of the mean colour of each picture
    retention_parameters_weight: NonNegativeFloat = 2.0  # squared change of the network's gain and colour, per square stop
    retention_tone_weight: NonNegativeFloat = 100.0  # squared change of its tone curve: a tenth counts as a stop

    RENAMED: ClassVar[Mapping[str, str]] = {
        "near_weight": "l2_sp_weight",
        "keep_weight": "retention_weight",
        "keep_charbonnier_weight": "retention_charbonnier_weight",
        "keep_decibels_weight": "retention_decibels_weight",
        "keep_uneven_weight": "retention_uneven_weight",
        "keep_mean_weight": "retention_mean_weight",
        "keep_parameters": "retention_parameters_weight",
        "keep_tone_weight": "retention_tone_weight",
    }
