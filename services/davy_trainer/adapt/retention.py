"""What the adaptation must not change: pictures of all other cameras in many lights, with what the running model makes of them.

The running model is a teacher that answers for any picture, so a camera that sent two samples is still seen in many lights.
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
from davy_trainer.data.camera_samples import CameraSamples, various

ROWS = 90  # of blocks, at least: a seventh of the time of a whole picture, and light has no more detail
FIELD = (4, 3)  # places between which a made-up light changes
FIELD_STOPS, TINT_STOPS = 0.3, 0.08  # its standard deviations
MILD = 0.25  # of all of this, every second time
LAMP_STOPS = 4.0
CHOICE = 3  # so many times the pictures that are taken are read, to take the most unlike
FEW = 4  # samples of a camera, from which on one is held out


@dataclass(frozen=True, slots=True)
class Kept:
    """Of all other cameras, as much of each: items to learn from, and by camera those that are held out."""

    learned: Sequence[Item]
    held: Sequence[Sequence[Item]]

    @property
    def in_turn(self) -> list[Item]:
        """What is held out, one of each camera, and again."""
        return [item for turn in zip(*self.held, strict=True) for item in turn]


def kept_items(cameras: Sequence[CameraSamples], start: IspCnn, settings: AdaptSettings, rng: np.random.Generator) -> Kept:
    """The running model's results are the targets.

    Held out is a camera's newest sample, as it is and in several lights; where a camera has few, all of them, in lights that
    training does not see.
    """
    picked = cameras if len(cameras) <= settings.most_kept else [cameras[k] for k in _evenly(len(cameras), settings.most_kept)]
    each, held_each = (max(most // max(len(picked), 1), 1) for most in (settings.most_kept, settings.most_held))
    learned, held = [], []
    for camera in picked:
        pictures = camera.read(CHOICE * each + 1)
        apart = pictures[-1:] if len(pictures) >= FEW else []
        seen = various(pictures[: len(pictures) - len(apart)], each)
        learned += [_reduced(picture, start) for picture in in_lights(seen, each, settings, rng)]
        held.append([_whole(picture, start) for picture in in_lights(apart or seen, held_each, settings, rng)])
    return Kept(learned, held)


def in_lights(pictures: Sequence[BgrImage], count: int, settings: AdaptSettings, rng: np.random.Generator) -> list[BgrImage]:
    """So many pictures: these as they are, then again and again in other light, every second one mirrored."""
    found = list(pictures[:count])
    while len(found) < count:
        picture = pictures[len(found) % len(pictures)]
        mirrored = picture if rng.random() < 0.5 else np.ascontiguousarray(picture[:, ::-1])
        found.append(relight(mirrored, _light(mirrored.shape[:2], settings.dimmer_stops, rng), rng))
    return found


def _whole(picture: BgrImage, start: IspCnn) -> Item:
    """With what start makes of it as target and as parameters."""
    item = picture_item(picture, torch.zeros(0))
    return _answered(item.thumb, item.blocks, start)


def _reduced(picture: BgrImage, start: IspCnn) -> Item:
    """The same on fewer blocks."""
    item = picture_item(picture, torch.zeros(0))
    by = max(min(item.blocks.rgb.shape[2:]) // ROWS, 1)
    return _answered(item.thumb, BlockStatistics(1, *(avg_pool2d(part, by) for part in _parts(item.blocks))), start)


def _answered(thumb: Tensor, blocks: BlockStatistics, start: IspCnn) -> Item:
    with torch.no_grad():
        (target,), parameters = through_blocks(start, [Item(thumb, blocks, torch.zeros(0))])
    return Item(thumb, blocks, target, parameters)


def _light(shape: tuple[int, int], dimmer_stops: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """A ratio of light, (H, W, 3): as a whole, by place, in colour; every second time a miner's lamp somewhere.

    A half differs little: that is what the camera sees most.
    """
    height, width = shape
    wild = 1.0 if rng.random() < 0.5 else MILD
    field = rng.normal(0, wild * FIELD_STOPS, (FIELD[1], FIELD[0])).astype(np.float32)
    stops = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC) + wild * rng.uniform(-dimmer_stops, dimmer_stops)
    if rng.random() < 0.5:
        y, x = np.ogrid[:height, :width]
        squared = np.square(y - rng.uniform(0.2, 1) * height) + np.square(x - rng.uniform(0, 1) * width)
        stops = stops + rng.uniform(1, LAMP_STOPS) * np.exp(-squared / (2 * (rng.uniform(0.03, 0.15) * height) ** 2))
    tint = rng.normal(0, wild * TINT_STOPS, 3)
    return np.asarray(np.exp2(stops[:, :, None] + tint), np.float32)


def _parts(blocks: BlockStatistics) -> tuple[Tensor, ...]:
    return blocks.rgb, blocks.luma, blocks.luma_squared, blocks.luma_rgb


def _evenly(count: int, most: int) -> list[int]:
    return sorted({round(k) for k in np.linspace(0, count - 1, most)})
