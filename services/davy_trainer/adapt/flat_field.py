"""Flat-field correction: targets for a camera's new light, for which no reference exists."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.imaging.lowlight.exposure import FloatImage, linear_to_srgb, srgb_to_linear
from davy_trainer.data.synthetic import CLIPPED

MIN_MEAN = 0.03  # of [0, 1]: bounds the gain of regions that are darker after enhancement
SHOT, READ = 0.0009, 0.0011  # variance per white and deviation, in units of linear white: a small sensor at high gain


def flat_field_targets(
    enhanced: FloatImage, raw: FloatImage, region: float, level: float, brightness: float = 1.0, colour: float = 1.0
) -> FloatImage:
    """Bring the mean of every region to `level` and grey: rock is uniform, its light is not.

    Args:
        enhanced: Display-encoded RGB, shape (H, W, 3), float32 in [0, 1].
        raw: The raw picture; where it is clipped (lamps), enhanced stays unchanged and does not count for a mean.
        region: Standard deviation of the Gaussian mean, as a share of H.
        level: Display value in (0, 1).
        brightness: Strength of the correction of brightness, in [0, 1]; 0 changes nothing.
        colour: The same for colour.

    Source: Guo et al. 2020, Zero-DCE, equations 4 (regions at a level of good exposure) and 5 (grey world), per region and as
    a target, so that detail within a region keeps its contrast.
    """
    clipped = raw.min(axis=2, keepdims=True) >= CLIPPED
    weight = np.where(clipped, np.float32(0), np.float32(1))
    sigma = region * enhanced.shape[0]
    weights = np.maximum(_blurred(weight[:, :, 0], sigma), np.float32(0.05))[:, :, None]
    means = np.maximum(_blurred(enhanced * weight, sigma) / weights, np.float32(MIN_MEAN))
    grey = means.mean(axis=2, keepdims=True)
    gain = (np.float32(level) / grey) ** np.float32(brightness) * (grey / means) ** np.float32(colour)
    return np.asarray(np.where(clipped, enhanced, np.clip(enhanced * gain, 0, 1)), np.float32)


def light_ratio(now: list[BgrImage], before: list[BgrImage], region: float) -> FloatImage:
    """Return the present light of a camera over its earlier light, (H, W, 3) in the size of before."""
    height, width = before[0].shape[:2]
    new, old = (_blurred(_mean_light(pictures, (width, height)), region * height) + 1e-4 for pictures in (now, before))
    return np.asarray(np.clip(new / old, 1 / 128, 8), np.float32)


def relight(picture: BgrImage, ratio: FloatImage, rng: np.random.Generator) -> BgrImage:
    """Multiply a picture's light by ratio, (H, W, 3); where light decreases, add the noise of less light."""
    light = srgb_to_linear(picture.astype(np.float32) / np.float32(255)) * ratio
    deviation = np.sqrt(np.maximum(light, 0) * np.float32(SHOT) + np.float32(READ**2))
    deviation *= np.sqrt(np.clip(1 - ratio, 0, 1))  # the picture has the rest already
    light += rng.standard_normal(light.shape, dtype=np.float32) * deviation
    return np.asarray(np.rint(linear_to_srgb(light) * 255), np.uint8)


def _mean_light(pictures: list[BgrImage], size: tuple[int, int]) -> FloatImage:
    sized = [p if p.shape[1::-1] == size else cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in pictures]
    lights = [srgb_to_linear(np.asarray(p, np.float32) / np.float32(255)) for p in sized]
    return np.asarray(np.mean(lights, axis=0), np.float32)


def _blurred(image: NDArray[np.float32], sigma: float) -> FloatImage:
    return np.asarray(
        cv2.GaussianBlur(np.ascontiguousarray(image), (0, 0), max(sigma, 0.5), borderType=cv2.BORDER_REFLECT), np.float32
    )
