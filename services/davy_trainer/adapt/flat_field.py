"""What a camera would see were its light even: targets for light that no reference is known of."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.imaging.lowlight.exposure import FloatImage, linear_to_srgb, srgb_to_linear
from davy_trainer.data.synthetic import BURNT

LEAST = 0.03  # of [0, 1]: what is darker than this after enhancement is not lifted without end
SHOT, READ = 0.0009, 0.0011  # variance per white and deviation, of white of linear light: a small sensor at high gain


def flat_field_targets(
    enhanced: FloatImage, raw: FloatImage, region: float, level: float, evening: float = 1.0, neutral: float = 1.0
) -> FloatImage:
    """Bring the mean of every region to `level`: rock is equally bright and grey everywhere, light and its colour are not.

    Args:
        enhanced: Display-encoded RGB, shape (H, W, 3), float32 in [0, 1].
        raw: What it was made of, for the lamps: where it is burnt, enhanced stays as it is and counts for no mean.
        region: Standard deviation of the Gaussian that takes the means, as a share of H.
        level: Display value in (0, 1).
        evening, neutral: How much of the way (of the logarithm) is gone, in brightness and in colour, in [0, 1].

    Source: Guo et al. 2020, Zero-DCE, equations 4 (regions at a level of good exposure) and 5 (grey world), taken per region
    and as a target, so that what lies within a region keeps its contrast.
    """
    burnt = raw.min(axis=2, keepdims=True) >= BURNT
    weight = np.where(burnt, np.float32(0), np.float32(1))
    sigma = region * enhanced.shape[0]
    weights = np.maximum(_blurred(weight[:, :, 0], sigma), np.float32(0.05))[:, :, None]
    means = np.maximum(_blurred(enhanced * weight, sigma) / weights, np.float32(LEAST))
    brightness = means.mean(axis=2, keepdims=True)
    gain = (np.float32(level) / brightness) ** np.float32(evening) * (brightness / means) ** np.float32(neutral)
    return np.asarray(np.where(burnt, enhanced, np.clip(enhanced * gain, 0, 1)), np.float32)


def light_ratio(now: list[BgrImage], before: list[BgrImage], region: float) -> FloatImage:
    """Light of now over that of before, by place and channel, (H, W, 3) in the size of before; of pictures of one camera."""
    height, width = before[0].shape[:2]
    new, old = (_blurred(_mean_light(pictures, (width, height)), region * height) + 1e-4 for pictures in (now, before))
    return np.asarray(np.clip(new / old, 1 / 128, 8), np.float32)


def relight(picture: BgrImage, ratio: FloatImage, rng: np.random.Generator) -> BgrImage:
    """The picture in light that is `ratio` of its own; where it is less, with the noise that so little light has."""
    light = srgb_to_linear(picture.astype(np.float32) / np.float32(255)) * ratio
    deviation = np.sqrt(np.maximum(light, 0) * np.float32(SHOT) + np.float32(READ**2))
    deviation *= np.sqrt(np.clip(1 - ratio, 0, 1))  # the rest it brings along
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
