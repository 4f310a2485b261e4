"""Batches of self-supervision: the i-th depends on the seed and on i alone, whoever makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from davy.domain.frame import BgrImage
from davy.imaging.lowlight import darken, relight_as_mine
from davy.imaging.lowlight.exposure import FloatImage, exposure_for_mean, linear_to_srgb, srgb_to_linear
from davy_trainer.data.photographs import Group
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

Number = TypeVar("Number", bound=np.generic)
BURNT = 0.97  # of white in every channel: a lamp. What is behind it nobody knows, and a grey lamp looks wrong: it stays.


@dataclass(frozen=True, slots=True)
class Batch:
    """RGB, uint8, (B, H, W, 3): what the camera would see, and the photograph it was made of."""

    low: NDArray[np.uint8]
    truth: NDArray[np.uint8]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """low and truth, each (B, 3, H, W), float in [0, 1]."""
        return _tensor(self.low), _tensor(self.truth)


def make_batch(
    groups: Sequence[Group], settings: SelfSupervisedSettings, index: int, part: Sequence[int] | None = None
) -> Batch:
    """Draw the batch with this index, or a part of its pictures: each depends on the seed and on its own place alone."""
    places = range(settings.batch) if part is None else part
    pairs = [_pair(groups, settings, np.random.default_rng((settings.seed, index, 5, place))) for place in places]
    return Batch(np.stack([low for low, _ in pairs]), np.stack([truth for _, truth in pairs]))


def _pair(
    groups: Sequence[Group], settings: SelfSupervisedSettings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    weights = np.array([group.weight for group in groups])
    group = groups[rng.choice(len(groups), p=weights / weights.sum())]
    index = int(rng.integers(len(group.pictures)))
    window = draw_window(group.pictures[index].shape, settings, rng)
    truth = cut(group.pictures[index], window, settings)[:, :, ::-1]
    display = np.ascontiguousarray(truth, np.float32) / np.float32(255)
    chance = rng.random()
    if chance < settings.mine_share + settings.dark_share and group.name not in settings.exposed_alike:
        display = metered(display, settings)
        truth = np.rint(display * 255).astype(np.uint8)
    if chance < settings.mine_share:
        low = relight_as_mine(display, rng, depth=_depth(group, index, window, settings))
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


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a photograph a sample shows: turned by 90 degrees or not, scaled to size (w, h), cut, mirrored or not."""

    turned: bool
    size: tuple[int, int]
    left: int
    top: int
    mirrored: bool


def crop(picture: BgrImage, settings: SelfSupervisedSettings, rng: np.random.Generator) -> BgrImage:
    """A random part at a random scale, sometimes turned or mirrored: (crop_height, crop_width, 3)."""
    return np.asarray(cut(picture, draw_window(picture.shape, settings, rng), settings), np.uint8)


def draw_window(shape: tuple[int, ...], settings: SelfSupervisedSettings, rng: np.random.Generator) -> Window:
    """A random part of a photograph of this shape."""
    height, width = shape[:2]
    turned = bool(height > width and rng.random() < settings.turn_share)
    if turned:
        height, width = width, height
    least = max(settings.crop_width / width, settings.crop_height / height)
    most = max(1.01, min(1 / least, settings.zoom))  # never enlarged by more than the crop needs
    scale = least * np.exp(rng.uniform(0, np.log(most)))
    w, h = max(settings.crop_width, round(width * scale)), max(settings.crop_height, round(height * scale))
    left, top = int(rng.integers(w - settings.crop_width + 1)), int(rng.integers(h - settings.crop_height + 1))
    return Window(turned, (w, h), left, top, mirrored=bool(rng.random() < 0.5))


def cut(picture: NDArray[Number], window: Window, settings: SelfSupervisedSettings) -> NDArray[Number]:
    """The window of a picture or of its depth map: (crop_height, crop_width[, 3])."""
    whole = np.ascontiguousarray(np.rot90(picture)) if window.turned else picture
    smaller = window.size[0] < whole.shape[1]
    scaled = cv2.resize(whole, window.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    part = scaled[window.top : window.top + settings.crop_height, window.left : window.left + settings.crop_width]
    return np.asarray(part[:, ::-1] if window.mirrored else part, picture.dtype)


def _depth(group: Group, index: int, window: Window, settings: SelfSupervisedSettings) -> FloatImage | None:
    """What lies how far in m, where the photograph came with it."""
    depth = group.depths[index]
    return None if depth is None else cut(depth, window, settings)


def _tensor(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255
