"""Pictures to judge a method by, each loaded only when its turn comes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
SMALLEST_PX = 41  # what VIF needs
Shown = tuple[BgrImage, BgrImage | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One picture: load gives it, and its well-lit reference where there is one."""

    name: str
    group: str
    load: Callable[[], Shown]


def pairs(low: Path, high: Path) -> list[Case]:
    """The pictures of low that have a reference in high: the same path below it without the ending, or else the same number.

    Raises:
        ConfigError: a folder is missing or holds no picture, or nothing fits together.
    """
    dark, bright = find(low), find(high)
    for key in (_stem, _number):
        truths = _by(key, high, bright)
        found = {key(path, low): path for path in dark if key(path, low) in truths}
        if found:
            return [_pair(_stem(path, low), path, truths[name]) for name, path in found.items() if name]
    raise ConfigError(
        f"no picture of {low} has a reference in {high}: give both the same name, as {dark[0].stem}.png in each folder "
        f"({high} has {bright[0].name})"
    )


def singles(folder: Path) -> list[Case]:
    """All pictures below folder, without references; the group is the first sub-folder.

    Raises:
        ConfigError: it is missing, or holds no picture.
    """
    return [Case(_stem(path, folder), _group(path, folder), partial(_alone, path)) for path in find(folder)]


def find(folder: Path) -> list[Path]:
    """All picture files below folder, sorted; errors as of singles."""
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: give one that holds pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    if not paths:
        raise ConfigError(f"{folder} holds no picture: {', '.join(sorted(SUFFIXES))} are looked for, in sub-folders too")
    return paths


def read(path: Path) -> BgrImage:
    """A picture file as BGR, uint8.

    Raises:
        UnreadableImageError: it is no picture, broken, or too small to be measured.
    """
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise UnreadableImageError(f"{path}: {error}") from error
    if image is None:
        raise UnreadableImageError(f"{path} is broken or no picture")
    if min(image.shape[:2]) < SMALLEST_PX:
        raise UnreadableImageError(f"{path} has a side under {SMALLEST_PX} px")
    return np.asarray(image, np.uint8)


def shrink_to(image: BgrImage, short_side: int) -> BgrImage:
    """The picture with at most short_side pixels on its short side."""
    factor = short_side / min(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _alone(path: Path) -> Shown:
    return read(path), None


def _pair(name: str, low: Path, high: Path) -> Case:
    def load() -> Shown:
        dark, bright = read(low), read(high)
        if dark.shape != bright.shape:
            sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (dark, bright)]
            raise UnreadableImageError(f"{low} is {sizes[0]}, its reference {sizes[1]}: bring both to the same size")
        return dark, bright

    return Case(name, "", load)


def _by(key: Callable[[Path, Path], str], folder: Path, paths: Sequence[Path]) -> Mapping[str, Path]:
    """Paths by key; keys that two paths share stand for neither."""
    keys = [key(path, folder) for path in paths]
    return {name: path for name, path in zip(keys, paths, strict=True) if name and keys.count(name) == 1}


def _stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _number(path: Path, _folder: Path) -> str:
    """The number at the end of a file's name, as LOL-v2 pairs low00690.png and normal00690.png; "" for none."""
    match = re.search(r"(\d+)$", path.stem)
    return match.group(1) if match else ""


def _group(path: Path, folder: Path) -> str:
    inside = path.relative_to(folder).parts
    return inside[0] if len(inside) > 1 else ""
