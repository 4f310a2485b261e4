"""Pictures to measure a method on, loaded on demand."""

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
MIN_SIDE_PX = 41  # required by VIF
ImagePair = tuple[BgrImage, BgrImage | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One picture; load returns it with its well-lit reference or None."""

    name: str
    group: str
    load: Callable[[], ImagePair]


def paired_cases(low: Path, high: Path) -> list[Case]:
    """Pair the pictures of low with references in high, by relative path without suffix, or else by number.

    Raises:
        ConfigError: a folder is missing, has no picture, or no pair is found.
    """
    dark, bright = find_pictures(low), find_pictures(high)
    for key in (_stem, _number):
        references = _unique_paths(key, high, bright)
        matches = {key(path, low): path for path in dark if key(path, low) in references}
        if matches:
            return [_pair(_stem(path, low), path, references[name]) for name, path in matches.items() if name]
    raise ConfigError(
        f"no picture of {low} has a reference in {high}: use the same name in both folders, such as {dark[0].stem}.png "
        f"({high} has {bright[0].name})"
    )


def unpaired_cases(folder: Path) -> list[Case]:
    """All pictures below a folder, without references, grouped by the first subfolder.

    Raises:
        ConfigError: the folder is missing, or has no picture.
    """
    return [Case(_stem(path, folder), _group(path, folder), partial(_load_single, path)) for path in find_pictures(folder)]


def find_pictures(folder: Path) -> list[Path]:
    """All picture files below a folder, sorted.

    Raises:
        ConfigError: the folder is missing, or has no picture.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder: give a folder of pictures")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    if not paths:
        raise ConfigError(f"{folder} has no picture: expected {', '.join(sorted(SUFFIXES))}, also in subfolders")
    return paths


def read(path: Path) -> BgrImage:
    """Read a picture file as BGR, uint8.

    Raises:
        UnreadableImageError: the file is not a picture, broken, or too small for the metrics.
    """
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise UnreadableImageError(f"{path}: {error}") from error
    if image is None:
        raise UnreadableImageError(f"{path} is broken or not a picture")
    if min(image.shape[:2]) < MIN_SIDE_PX:
        raise UnreadableImageError(f"{path} has a side under {MIN_SIDE_PX} px")
    return np.asarray(image, np.uint8)


def shrink_to(image: BgrImage, short_side: int) -> BgrImage:
    """Shrink the picture to at most short_side pixels on its short side."""
    factor = short_side / min(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _load_single(path: Path) -> ImagePair:
    return read(path), None


def _pair(name: str, low: Path, high: Path) -> Case:
    def load() -> ImagePair:
        dark, bright = read(low), read(high)
        if dark.shape != bright.shape:
            sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (dark, bright)]
            raise UnreadableImageError(f"{low} is {sizes[0]}, its reference {sizes[1]}: resize one of them")
        return dark, bright

    return Case(name, "", load)


def _unique_paths(key: Callable[[Path, Path], str], folder: Path, paths: Sequence[Path]) -> Mapping[str, Path]:
    """Paths by key, without ambiguous keys."""
    keys = [key(path, folder) for path in paths]
    return {name: path for name, path in zip(keys, paths, strict=True) if name and keys.count(name) == 1}


def _stem(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _number(path: Path, _folder: Path) -> str:
    """The number at the end of a file name, for pairs such as low00690.png and normal00690.png of LOL-v2; "" for none."""
    match = re.search(r"(\d+)$", path.stem)
    return match.group(1) if match else ""


def _group(path: Path, folder: Path) -> str:
    names = path.relative_to(folder).parts
    return names[0] if len(names) > 1 else ""
