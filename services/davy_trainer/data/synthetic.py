"""Batches of self-supervision; batch i depends only on the seed and on i."""

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
CLIPPED = 0.97  # of white in every channel: a lamp, which stays white in the ground truth


@dataclass(frozen=True, slots=True)
class Batch:
    """A darkened batch and its photographs, RGB, uint8, (B, H, W, 3)."""

    low: NDArray[np.uint8]
    ground_truth: NDArray[np.uint8]

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return low and ground_truth, each (B, 3, H, W), float in [0, 1]."""
        return _tensor(self.low), _tensor(self.ground_truth)


def make_batch(
    groups: Sequence[Group], settings: SelfSupervisedSettings, index: int, indices: Sequence[int] | None = None
) -> Batch:
    """Draw the batch of an index, or the pictures at some indices of it; each depends only on the seed and its indices."""
    positions = range(settings.batch) if indices is None else indices
    pairs = [_pair(groups, settings, np.random.default_rng((settings.seed, index, 5, position))) for position in positions]
    return Batch(np.stack([low for low, _ in pairs]), np.stack([ground_truth for _, ground_truth in pairs]))


def _pair(
    groups: Sequence[Group], settings: SelfSupervisedSettings, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    weights = np.array([group.weight for group in groups])
    group = groups[rng.choice(len(groups), p=weights / weights.sum())]
    index = int(rng.integers(len(group.pictures)))
    window = draw_window(group.pictures[index].shape, settings, rng)
    ground_truth = crop_window(group.pictures[index], window, settings)[:, :, ::-1]
    display = np.ascontiguousarray(ground_truth, np.float32) / np.float32(255)
    chance = rng.random()
    if chance < settings.mine_share + settings.dark_share and group.name not in settings.fixed_exposure_groups:
        display = metered(display, settings)
        ground_truth = np.rint(display * 255).astype(np.uint8)
    if chance < settings.mine_share:
        low = relight_as_mine(display, rng, depth=_depth(group, index, window, settings))
        ground_truth = np.where(low.min(axis=2, keepdims=True) >= CLIPPED, np.rint(low * 255), ground_truth).astype(np.uint8)
    elif chance < settings.mine_share + settings.dark_share:
        low = darken(display, rng)
    else:
        return ground_truth, ground_truth
    return np.rint(low * 255).astype(np.uint8), ground_truth


def metered(display: FloatImage, settings: SelfSupervisedSettings) -> FloatImage:
    """Expose a photograph again, with its mean nearer to that of cameras; display-encoded (H, W, 3).

    The dark picture does not show how bright the photographer made the original. A network that must predict it overfits to
    the training pictures.
    """
    light = srgb_to_linear(display)
    stops = settings.metering * np.log2(settings.metered_mean / max(float(display.mean()), 0.05))
    mean = min(float(display.mean()) * 2**stops, 0.8)
    return linear_to_srgb(light * np.float32(exposure_for_mean(light[::4, ::4], mean)))


@dataclass(frozen=True, slots=True)
class Window:
    """The crop of a photograph in a sample: rotated by 90 degrees or not, scaled to size (w, h), cropped, mirrored or not."""

    turned: bool
    size: tuple[int, int]
    left: int
    top: int
    mirrored: bool


def crop(picture: BgrImage, settings: SelfSupervisedSettings, rng: np.random.Generator) -> BgrImage:
    """Return a random crop at a random scale, sometimes rotated or mirrored: (crop_height, crop_width, 3)."""
    return np.asarray(crop_window(picture, draw_window(picture.shape, settings, rng), settings), np.uint8)


def draw_window(shape: tuple[int, ...], settings: SelfSupervisedSettings, rng: np.random.Generator) -> Window:
    """Draw a random crop of a photograph of this shape."""
    height, width = shape[:2]
    turned = bool(height > width and rng.random() < settings.turn_share)
    if turned:
        height, width = width, height
    min_scale = max(settings.crop_width / width, settings.crop_height / height)
    max_zoom = max(1.01, min(1 / min_scale, settings.zoom))  # enlarges only as far as the crop needs
    scale = min_scale * np.exp(rng.uniform(0, np.log(max_zoom)))
    w, h = max(settings.crop_width, round(width * scale)), max(settings.crop_height, round(height * scale))
    left, top = int(rng.integers(w - settings.crop_width + 1)), int(rng.integers(h - settings.crop_height + 1))
    return Window(turned, (w, h), left, top, mirrored=bool(rng.random() < 0.5))


def crop_window(picture: NDArray[Number], window: Window, settings: SelfSupervisedSettings) -> NDArray[Number]:
    """Crop a picture or its depth map: (crop_height, crop_width[, 3])."""
    turned = np.ascontiguousarray(np.rot90(picture)) if window.turned else picture
    smaller = window.size[0] < turned.shape[1]
    scaled = cv2.resize(turned, window.size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    cropped = scaled[window.top : window.top + settings.crop_height, window.left : window.left + settings.crop_width]
    return np.asarray(cropped[:, ::-1] if window.mirrored else cropped, picture.dtype)


def _depth(group: Group, index: int, window: Window, settings: SelfSupervisedSettings) -> FloatImage | None:
    """Return the cropped depth in m, or None if the photograph has none."""
    depth = group.depths[index]
    return None if depth is None else crop_window(depth, window, settings)


def _tensor(pictures: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().float() / 255
