"""Batches of self-supervision: the i-th depends on the seed and on i alone, whoever makes it."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davy.frame import BgrImage
from davy.lowlight import darken, relight_as_mine
from davy.lowlight.exposure import FloatImage, exposure_for_mean, linear_to_srgb, srgb_to_linear
from davy.trainer.photographs import Group
from davy.trainer.settings import SelfSupervisedSettings

BURNT = 0.97  # of white in every channel: a lamp. What is behind it nobody knows, and a grey lamp looks wrong: it stays.


@dataclass(frozen=True, slots=True)
class Batch:
    """RGB, uint8, (B, H, W, 3): what the camera would see, and the photograph it was made of."""

    low: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """low and truth, each (B, 3, H, W), float in [0, 1]."""
        return _tensor(self.low), _tensor(self.truth)


def make_batch(groups: Sequence[Group], settings: SelfSupervisedSettings, index: int) -> Batch:
    """Draw the batch with this index."""
    rng = np.random.default_rng((settings.seed, index))
    pairs = [_pair(groups, settings, rng) for _ in range(settings.batch)]
    return Batch(np.stack([low for low, _ in pairs]), np.stack([truth for _, truth in pairs]))


def _pair(
    groups: Sequence[Group], settings: SelfSupervisedSettings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    weights = np.array([group.weight for group in groups])
    pictures = groups[rng.choice(len(groups), p=weights / weights.sum())].pictures
    truth = crop(pictures[int(rng.integers(len(pictures)))], settings, rng)[:, :, ::-1]
    display = np.ascontiguousarray(truth, np.float32) / np.float32(255)
    chance = rng.random()
    if chance < settings.mine_share + settings.dark_share:
        display = metered(display, settings)
        truth = np.rint(display * 255).astype(np.uint8)
    if chance < settings.mine_share:
        low = relight_as_mine(display, rng)
        truth = np.where(low.min(axis=2, keepdims=True) >= BURNT, np.rint(low * 255), truth).astype(np.uint8)
    elif chance < settings.mine_share + settings.dark_share:
        low = darken(display, rng)
    else:
        return truth, truth
    return np.rint(low * 255).astype(np.uint8), truth


def metered(display: FloatImage, settings: SelfSupervisedSettings) -> FloatImage:
    """The photograph exposed anew, its mean nearer to what cameras meter for; display-encoded (H, W, 3).

    How bright a photographer made each picture cannot be seen in the dark: a network that is asked for it learns the
    training pictures by heart and misjudges all others.
    """
    light = srgb_to_linear(display)
    stops = settings.metering * np.log2(settings.metered_mean / max(float(display.mean()), 0.05))
    mean = min(float(display.mean()) * 2**stops, 0.8)
    return linear_to_srgb(light * np.float32(exposure_for_mean(light[::4, ::4], mean)))


def crop(picture: BgrImage, settings: SelfSupervisedSettings, rng: np.random.Generator) -> BgrImage:
    """A random part at a random scale, sometimes turned or mirrored: (crop_height, crop_width, 3)."""
    if picture.shape[0] > picture.shape[1] and rng.random() < settings.turn_share:
        picture = np.ascontiguousarray(np.rot90(picture))
    height, width = picture.shape[:2]
    least = max(settings.crop_width / width, settings.crop_height / height)
    most = max(1.01, min(1 / least, settings.zoom))  # never enlarged by more than the crop needs
    scale = least * np.exp(rng.uniform(0, np.log(most)))
    w, h = max(settings.crop_width, round(width * scale)), max(settings.crop_height, round(height * scale))
    scaled = cv2.resize(picture, (w, h), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    left, top = rng.integers(w - settings.crop_width + 1), rng.integers(h - settings.crop_height + 1)
    part = scaled[top : top + settings.crop_height, left : left + settings.crop_width]
    return np.asarray(part[:, ::-1] if rng.random() < 0.5 else part, np.uint8)


def _tensor(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255
