"""Training pictures of the detector: the simulated mine with true boxes, and photographs without any."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy_trainer.people.net import DEVIATION, MEAN

SIZE = (416, 256)  # width, height: a 16:9 picture 416 px wide, and what is missing to a multiple of 32
PAD = 114
LIGHT_SHARES = {"enhanced": 0.5, "raw": 0.3, "even": 0.2}
SCALES = (0.5, 1.15)  # of a picture 640 px wide
MIN_VISIBLE, MIN_HEIGHT_PX = 0.3, 9.0  # people below either are neither wanted nor punished
DARK_SHARE = 0.35  # of the photographs
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A file and its people: boxes as left, top, right, bottom in px, and the visible share of each."""

    path: Path
    boxes: Floats
    visible: Floats


@dataclass(frozen=True, slots=True)
class Example:
    """A picture of SIZE with its people; ignored are those who are hardly visible."""

    image: BgrImage
    boxes: Floats
    ignored: Floats


def read_folder(folder: Path) -> list[Labelled]:
    """Read a COCO data set as `davy simulator people` writes it.

    Raises:
        ConfigError: annotations.json is missing or has another shape.
    """
    try:
        stored = json.loads((folder / "annotations.json").read_text())
        found: dict[int, list[tuple[float, ...]]] = {image["id"]: [] for image in stored["images"]}
        for each in stored["annotations"]:
            left, top, width, height = each["bbox"]
            found[each["image_id"]].append((left, top, left + width, top + height, each.get("visible", 1.0)))
        names = {image["id"]: image["file_name"] for image in stored["images"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{folder}: annotations.json cannot be read: {error}") from error
    rows = {number: np.array(people, np.float32).reshape(-1, 5) for number, people in found.items()}
    return [Labelled(folder / names[number], boxes[:, :4], boxes[:, 4]) for number, boxes in rows.items()]


def draw_mine(files: Sequence[Labelled], rng: np.random.Generator) -> Example:
    """Draw a picture of the mine: any light, scale, crop and side."""
    light = rng.choice(list(LIGHT_SHARES), p=list(LIGHT_SHARES.values()))
    while True:
        chosen = files[int(rng.integers(len(files)))]
        if chosen.path.parent.name == light and (len(chosen.boxes) or rng.random() < 0.3):
            break
    image = _read(chosen.path)
    scale = 640 / image.shape[1] * float(np.exp(rng.uniform(*np.log(SCALES))))
    canvas, shift = _placed(image, scale, rng)
    boxes = chosen.boxes * scale + np.tile(shift, 2).astype(np.float32)
    clipped = np.clip(boxes, 0, np.tile(SIZE, 2)).astype(np.float32)
    inside = _areas(clipped) / np.maximum(_areas(boxes), 1e-6)
    visible = chosen.visible * inside
    present = inside > 0.02
    wanted = present & (visible >= MIN_VISIBLE) & (clipped[:, 3] - clipped[:, 1] >= MIN_HEIGHT_PX)
    canvas = _varied(canvas, rng)
    if rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
        clipped[:, [0, 2]] = SIZE[0] - clipped[:, [2, 0]]
    return Example(canvas, clipped[wanted], clipped[present & ~wanted])


def draw_photograph(files: Sequence[Path], rng: np.random.Generator) -> tuple[BgrImage, BgrImage]:
    """Draw a photograph as the teacher sees it, and as the network in training does: often in the dark."""
    image = _read(files[int(rng.integers(len(files)))])
    scale = SIZE[0] / image.shape[1] * float(rng.uniform(0.8, 1.6))
    canvas, _ = _placed(image, scale, rng)
    if rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
    return canvas, _darkened(canvas, rng) if rng.random() < DARK_SHARE else _varied(canvas, rng)


def as_input(images: Sequence[BgrImage]) -> Floats:
    """The network's input, shape (B, 3, H, W)."""
    batch = (np.stack(images).astype(np.float32) - np.array(MEAN, np.float32)) / np.array(DEVIATION, np.float32)
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


def _read(path: Path) -> BgrImage:
    image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise ConfigError(f"{path}: no picture")
    return np.asarray(image, np.uint8)


def _placed(image: BgrImage, scale: float, rng: np.random.Generator) -> tuple[BgrImage, NDArray[np.int64]]:
    """The picture scaled, then cropped or padded to SIZE at a random place; its left and top there."""
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=way), np.uint8)
    height, width = scaled.shape[:2]
    left, top = (int(rng.integers(min(spare, 0), max(spare, 0) + 1)) for spare in (SIZE[0] - width, SIZE[1] - height))
    canvas = np.full((SIZE[1], SIZE[0], 3), PAD, np.uint8)
    source = scaled[max(-top, 0) : max(-top, 0) + SIZE[1], max(-left, 0) : max(-left, 0) + SIZE[0]]
    canvas[max(top, 0) : max(top, 0) + source.shape[0], max(left, 0) : max(left, 0) + source.shape[1]] = source
    return canvas, np.array([left, top])


def _varied(image: BgrImage, rng: np.random.Generator) -> BgrImage:
    """Another exposure and white balance, sometimes without colour or out of focus."""
    gain = rng.uniform(0.75, 1.3) * rng.uniform(0.92, 1.08, 3)
    result = np.asarray((image * gain.astype(np.float32) + rng.uniform(-8, 8)).clip(0, 255), np.uint8)
    if rng.random() < 0.12:
        result = np.repeat(result.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    if rng.random() < 0.12:
        result = np.asarray(cv2.GaussianBlur(result, (3, 3), 0), np.uint8)
    return result


def _darkened(image: BgrImage, rng: np.random.Generator) -> BgrImage:
    dark = 255 * (image / 255) ** rng.uniform(1.2, 2.2) * rng.uniform(0.25, 0.9)
    return np.asarray((dark + rng.normal(0, rng.uniform(1, 7), image.shape)).clip(0, 255), np.uint8)


def _areas(boxes: Floats) -> Floats:
    return np.asarray(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.float32)
