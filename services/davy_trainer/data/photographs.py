"""Photographs by folder, in memory."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage
from davy.imaging.lowlight.exposure import FloatImage
from davy_trainer.data.unreadable import report_unreadable
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

DEPTH = ".depth.png"  # suffix of a picture's depth map, 16 bits, mm
REDUCED_PX = 4  # at an eighth of the size: a smaller picture is decoded in full
SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Group:
    """The photographs of one sub-folder."""

    name: str
    weight: float  # sampling weight, relative to the other groups
    pictures: Sequence[BgrImage]  # BGR, uint8
    unreadable: Sequence[Path]  # skipped pictures and depth maps
    unlit: int  # number of bracketed pictures that are too dark or too bright
    checksum: int  # of all pixels: a resumed run needs the same pictures
    depths: Sequence[FloatImage | None]  # of each picture, (H, W), m; None without NAME.depth.png


def load_groups(settings: SelfSupervisedSettings, tick: Callable[[int, int], None]) -> list[Group]:
    """Read every photograph below settings.data; skip groups without a usable one.

    Args:
        tick: Called with the pictures read so far and their total.

    Raises:
        ConfigError: A folder is missing, no photograph is usable, or a weight names no group.
    """
    found = [(folder, name, paths) for folder in settings.data for name, paths in _find(folder).items()]
    names = [name for _, name, _ in found]
    if unknown := sorted(set(settings.group_weights) - set(names)):
        raise ConfigError(f"group_weights name no group {', '.join(unknown)}; the groups are {', '.join(names)}")
    total, done, groups = sum(len(paths) for *_, paths in found), 0, []
    for folder, name, paths in found:
        pictures: list[BgrImage] = []
        depths: list[FloatImage | None] = []
        unreadable: list[Path] = []
        unlit = checksum = 0
        for path in paths:
            done += 1
            tick(done, total)
            try:
                picture = shrink_to(read_bgr(path), settings.short_side)
                depth = read_depth(path, picture.shape[:2])
            except UnreadableImageError:
                unreadable.append(path)
                continue
            if {name, folder.resolve().name} & set(settings.bracketed) and not _is_well_lit(picture, settings.well_lit):
                unlit += 1
                continue
            pictures.append(picture)
            depths.append(depth)
            checksum = zlib.crc32(picture.tobytes(), checksum)
        groups.append(Group(name, settings.group_weights.get(name, 1.0), pictures, unreadable, unlit, checksum, depths))
    report_unreadable([path for group in groups for path in group.unreadable])
    usable = [group for group in groups if group.pictures]
    if not usable:
        counts = "; ".join(f"group {g.name}: {len(g.unreadable)} unreadable, {g.unlit} not well lit" for g in groups)
        raise ConfigError(f"no picture is usable: {counts}")
    return usable


def find_pictures(folder: Path) -> list[Path]:
    """Return all picture files below folder, sorted.

    Raises:
        ConfigError: The folder is missing or holds no picture.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is not a folder")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.name.endswith(DEPTH)
    )
    if not paths:
        raise ConfigError(f"{folder} holds no picture: expected {', '.join(sorted(SUFFIXES))}, also in sub-folders")
    return paths


def read_bgr(path: Path) -> BgrImage:
    """Read a picture file as BGR, uint8; 16-bit, grey and transparent ones are converted.

    Raises:
        UnreadableImageError: The file is not a picture, is broken, or has a side under 16 pixels.
    """
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise UnreadableImageError(f"{path}: {error}") from error
    if image is None or min(image.shape[:2]) < 16:
        raise UnreadableImageError(f"{path}: not a picture of at least 16 x 16 pixels")
    return np.asarray(image, np.uint8)


def is_picture(path: Path) -> bool:
    """Whether read_bgr can read a file; a JPEG is decoded at an eighth of its size, in a fraction of the time."""
    try:
        small = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_REDUCED_COLOR_8)
        if small is None or min(small.shape[:2]) < REDUCED_PX:
            read_bgr(path)
    except (OSError, cv2.error, UnreadableImageError):
        return False
    return True


def read_depth(picture: Path, shape: tuple[int, ...]) -> FloatImage | None:
    """Read the depth map of a picture, NAME.depth.png, scaled to shape (H, W), in metres; None if it has none.

    Raises:
        UnreadableImageError: The map is not a 16-bit picture of one channel.
    """
    millimetres = read_millimetres(picture)
    if millimetres is None:
        return None
    metres = np.maximum(millimetres.astype(np.float32) / 1000, 0.1)
    return np.asarray(cv2.resize(metres, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def read_millimetres(picture: Path) -> NDArray[np.uint16] | None:
    """Read the depth map of a picture as it is stored, in mm; errors as of read_depth."""
    path = picture.with_name(picture.stem + DEPTH)
    if not path.exists():
        return None
    try:
        millimetres = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    except (OSError, cv2.error) as error:
        raise UnreadableImageError(f"{path}: {error}") from error
    if millimetres is None or millimetres.dtype != np.uint16 or millimetres.ndim != 2:
        raise UnreadableImageError(f"{path}: a depth map has 16 bits and one channel, in mm")
    return np.asarray(millimetres, np.uint16)


def shrink_to(image: BgrImage, short_side: int) -> BgrImage:
    """Reduce a picture to at most short_side pixels on its short side."""
    factor = short_side / min(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _find(folder: Path) -> dict[str, list[Path]]:
    """Return paths by group: the first sub-folder below folder, or folder itself."""
    groups: dict[str, list[Path]] = {}
    for path in find_pictures(folder):
        inside = path.relative_to(folder).parts
        groups.setdefault(inside[0] if len(inside) > 1 else folder.resolve().name, []).append(path)
    return groups


def _is_well_lit(picture: BgrImage, limits: tuple[float, float]) -> bool:
    return bool(limits[0] < picture.mean() / 255 < limits[1])
