"""Retention: pictures of all other cameras in many lights, with the running model's outputs as targets.

The running model is the teacher for any picture, so a camera with two samples still contributes many lights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d

from davy.domain.frame import BgrImage
from davy.imaging.isp.blocks import BlockStatistics
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.flat_field import relight
from davy_trainer.adapt.items import Item, picture_item, through_blocks
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.data.camera_samples import CameraSamples, most_diverse

MIN_ROWS = 90  # of blocks: takes a seventh of the time of a full picture, and light has no more detail
FIELD = (4, 3)  # grid of a random light field
FIELD_STOPS, TINT_STOPS = 0.3, 0.08  # standard deviations of the field
MILD = 0.25  # factor on the field for half of the pictures
LAMP_STOPS = 4.0
CANDIDATES = 3  # pictures that are read per selected picture, to select the most diverse
MIN_HELD_OUT_SAMPLES = 4  # samples of a camera from which one is held out


@dataclass(frozen=True, slots=True)
class RetentionItems:
    """Items of all other cameras, equally many of each: for training, and held-out ones by camera."""

    train: Sequence[Item]
    held_out: Sequence[Sequence[Item]]

    @property
    def interleaved(self) -> list[Item]:
        """Held-out items, one of each camera in turn."""
        return [item for turn in zip(*self.held_out, strict=True) for item in turn]


def retention_items(
    cameras: Sequence[CameraSamples], running: IspCnn, settings: AdaptSettings, rng: np.random.Generator
) -> RetentionItems:
    """Select items whose targets are the running model's outputs.

    A camera's newest sample is held out, unchanged and in several lights. A camera with few samples has all of them held out,
    in lights that training does not use.
    """
    picked = (
        cameras if len(cameras) <= settings.max_retained else [cameras[k] for k in _evenly(len(cameras), settings.max_retained)]
    )
    each, held_out_each = (max(count // max(len(picked), 1), 1) for count in (settings.max_retained, settings.max_held_out))
    train, held_out = [], []
    for camera in picked:
        pictures = camera.read(CANDIDATES * each + 1)
        newest = pictures[-1:] if len(pictures) >= MIN_HELD_OUT_SAMPLES else []
        selected = most_diverse(pictures[: len(pictures) - len(newest)], each)
        train += [_reduced(picture, running) for picture in in_lights(selected, each, settings, rng)]
        held_out.append([_full(picture, running) for picture in in_lights(newest or selected, held_out_each, settings, rng)])
    return RetentionItems(train, held_out)


def in_lights(pictures: Sequence[BgrImage], count: int, settings: AdaptSettings, rng: np.random.Generator) -> list[BgrImage]:
    """Return `count` pictures: these unchanged, then repeated in other lights, half of them mirrored."""
    found = list(pictures[:count])
    while len(found) < count:
        picture = pictures[len(found) % len(pictures)]
        mirrored = picture if rng.random() < 0.5 else np.ascontiguousarray(picture[:, ::-1])
        found.append(relight(mirrored, _light(mirrored.shape[:2], settings.dimmer_stops, rng), rng))
    return found


def _full(picture: BgrImage, running: IspCnn) -> Item:
    """Return the item at all blocks, with output and parameters of the running model."""
    item = picture_item(picture, torch.zeros(0))
    return _with_target(item.thumb, item.blocks, running)


def _reduced(picture: BgrImage, running: IspCnn) -> Item:
    """Return the same item on fewer blocks."""
    item = picture_item(picture, torch.zeros(0))
    by = max(min(item.blocks.rgb.shape[2:]) // MIN_ROWS, 1)
    return _with_target(item.thumb, BlockStatistics(1, *(avg_pool2d(planes, by) for planes in _planes(item.blocks))), running)


def _with_target(thumb: Tensor, blocks: BlockStatistics, running: IspCnn) -> Item:
    with torch.no_grad():
        (target,), parameters = through_blocks(running, [Item(thumb, blocks, torch.zeros(0))])
    return Item(thumb, blocks, target, parameters)


def _light(shape: tuple[int, int], dimmer_stops: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw a ratio of light, (H, W, 3): global, local and in colour; half of them with a miner's lamp.

    Half of the ratios are mild, because most changes at a camera are.
    """
    height, width = shape
    strength = 1.0 if rng.random() < 0.5 else MILD
    field = rng.normal(0, strength * FIELD_STOPS, (FIELD[1], FIELD[0])).astype(np.float32)
    stops = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) + strength * rng.uniform(
        -dimmer_stops, dimmer_stops
    )
    if rng.random() < 0.5:
        y, x = np.ogrid[:height, :width]
        squared = np.square(y - rng.uniform(0.2, 1) * height) + np.square(x - rng.uniform(0, 1) * width)
        stops = stops + rng.uniform(1, LAMP_STOPS) * np.exp(-squared / (2 * (rng.uniform(0.03, 0.15) * height) ** 2))
    tint = rng.normal(0, strength * TINT_STOPS, 3)
    return np.asarray(np.exp2(stops[:, :, None] + tint), np.float32)


def _planes(blocks: BlockStatistics) -> tuple[Tensor, ...]:
    return blocks.rgb, blocks.luma, blocks.luma_squared, blocks.luma_rgb


def _evenly(count: int, most: int) -> list[int]:
    return sorted({round(k) for k in np.linspace(0, count - 1, most)})
