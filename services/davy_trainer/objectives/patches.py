"""Patches of a picture as boxes in shares of its sides: a grid of overlapping boxes, and their darkness."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from davy.domain.frame import BgrImage

LUMA_BGR = np.array([0.114, 0.587, 0.299], np.float32)
BLACK = 2 / 255  # lower bound of luma: a fisheye's rim is not the darkest region


@dataclass(frozen=True, slots=True)
class Box:
    """A box in a picture; top, left, height and width are shares of its sides, in [0, 1]."""

    top: float
    left: float
    height: float
    width: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


def grid_boxes(per_side: int) -> list[Box]:
    """Return per_side x per_side boxes, each half of the picture's sides; with three per side, neighbours overlap by half."""
    starts = np.linspace(0, 0.5, per_side) if per_side > 1 else np.array([0.25])
    return [Box(float(top), float(left), 0.5, 0.5) for top in starts for left in starts]


def crop_box(image: BgrImage, box: Box) -> BgrImage:
    """Crop a picture (H, W, 3)."""
    top, left, bottom, right = _pixels(box, image.shape[0], image.shape[1])
    return image[top:bottom, left:right]


def resize_views(images: Tensor, views: list[tuple[int, Box]], size: tuple[int, int]) -> Tensor:
    """Crop and resize views (index into images (B, 3, H, W), box): shape (V, 3, *size), differentiable."""
    resized = []
    for index, box in views:
        top, left, bottom, right = _pixels(box, images.shape[2], images.shape[3])
        crop = images[index : index + 1, :, top:bottom, left:right]
        resized.append(F.interpolate(crop, size, mode="bilinear", antialias=True, align_corners=False))
    return torch.cat(resized)


def darkness(image: BgrImage, boxes: list[Box]) -> NDArray[np.float64]:
    """Return the darkness of each box: stops of its mean luma below white."""
    means = [float((crop_box(image, box).mean((0, 1)) / 255) @ LUMA_BGR) for box in boxes]
    return -np.log2(np.maximum(means, BLACK))


def draw_dark(image: BgrImage, boxes: list[Box], count: int, weight: float, rng: np.random.Generator) -> list[int]:
    """Draw indices of `count` different boxes; a box that is a stop darker is drawn e ** weight times as often."""
    stops = darkness(image, boxes)
    chances = np.exp(weight * (stops - stops.max()))
    return [int(i) for i in rng.choice(len(boxes), min(count, len(boxes)), replace=False, p=chances / chances.sum())]


def _pixels(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    top, left = round(box.top * height), round(box.left * width)
    return top, left, top + max(round(box.height * height), 1), left + max(round(box.width * width), 1)
