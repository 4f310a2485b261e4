"""Well-lit photographs, found by folder and held in memory."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage
from davy.imaging.lowlight.exposure import FloatImage
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings

DEPTH = ".depth.png"  # 16 bit, mm: the end of the name of the depth map beside a picture
SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


@dataclass(frozen=True, slots=True)
class Group:
    """The photographs of one sub-folder."""

    name: str
    weight: float  # how often it is drawn, beside the others' weights
    pictures: Sequence[BgrImage]  # BGR, uint8
    skipped: int  # unreadable ones
    unlit: int  # of a bracketed folder: too dark or too bright to be a truth
    checksum: int  # of all pixels: a resumed run must see the same pictures
    depths: Sequence[FloatImage | None]  # of each picture, (H, W), m, where it came with NAME.depth.png


def load_groups(settings: SelfSupervisedSettings, tick: Callable[[int, int], None]) -> list[Group]:
    """Read every photograph below settings.data; tick is told how many of how many are read.

    Raises:
        ConfigError: a folder is missing or holds no usable photograph, or a weight names no group.
    """
    found = [(folder, name, paths) for folder in settings.data for name, paths in _find(folder).items()]
    names = [name for _, name, _ in found]
    if unknown := sorted(set(settings.weights) - set(names)):
        raise ConfigError(f"no group {', '.join(unknown)} to weigh; the groups are {', '.join(names)}")
    total, done, groups = sum(len(paths) for *_, paths in found), 0, []
    for folder, name, paths in found:
        pictures: list[BgrImage] = []
        depths: list[FloatImage | None] = []
        skipped = unlit = checksum = 0
        for path in paths:
            done += 1
            tick(done, total)
            try:
                picture = shrink_to(read_bgr(path), settings.short_side)
            except UnreadableImageError:
                skipped += 1
                continue
            if {name, folder.resolve().name} & set(settings.bracketed) and not _is_well_lit(picture, settings.well_lit):
                unlit += 1
                continue
            pictures.append(picture)
            depths.append(read_depth(path, picture.shape[:2]))
            checksum = zlib.crc32(picture.tobytes(), checksum)
        groups.append(Group(name, settings.weights.get(name, 1.0), pictures, skipped, unlit, checksum, depths))
    if empty := [group for group in groups if not group.pictures]:
        raise ConfigError(
            "; ".join(f"group {g.name}: none of its pictures can be used ({g.skipped} unreadable, {g.unlit} not well lit)"
                      for g in empty)
        )  # fmt: skip
    return groups


def find_pictures(folder: Path) -> list[Path]:
    """All picture files below folder, sorted.

    Raises:
        ConfigError: it is missing, or there is none.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder")
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and not path.name.endswith(DEPTH)
    )
    if not paths:
        raise ConfigError(f"{folder} holds no picture: {', '.join(sorted(SUFFIXES))} are looked for, in sub-folders too")
    return paths


def read_bgr(path: Path) -> BgrImage:
    """A picture file as BGR, uint8; 16-bit, grey and transparent ones are converted.

    Raises:
        UnreadableImageError: it is no picture, broken, or under 16 pixels.
    """
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error) as error:
        raise UnreadableImageError(f"{path}: {error}") from error
    if image is None or min(image.shape[:2]) < 16:
        raise UnreadableImageError(f"{path}: no picture of at least 16 x 16 pixels")
    return np.asarray(image, np.uint8)


def read_depth(picture: Path, shape: tuple[int, ...]) -> FloatImage | None:
    """The depth map beside a picture, as `davy mine truths` writes it, brought to shape (H, W), m; None where there is none.

    Raises:
        UnreadableImageError: it is no 16-bit picture of one channel.
    """
    path = picture.with_name(picture.stem + DEPTH)
    if not path.exists():
        return None
    millimetres = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if millimetres is None or millimetres.dtype != np.uint16 or millimetres.ndim != 2:
        raise UnreadableImageError(f"{path}: a depth map has 16 bits and one channel, in mm")
    metres = np.maximum(millimetres.astype(np.float32) / 1000, 0.1)
    return np.asarray(cv2.resize(metres, (shape[1], shape[0]), interpolation=cv2.INTER_AREA), np.float32)


def shrink_to(image: BgrImage, short_side: int) -> BgrImage:
    """The picture with at most short_side pixels on its short side."""
    factor = short_side / min(image.shape[:2])
    if factor >= 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _find(folder: Path) -> dict[str, list[Path]]:
    """Paths by group: the first sub-folder below folder, or folder itself."""
    groups: dict[str, list[Path]] = {}
    for path in find_pictures(folder):
        inside = path.relative_to(folder).parts
        groups.setdefault(inside[0] if len(inside) > 1 else folder.resolve().name, []).append(path)
    return groups


def _is_well_lit(picture: BgrImage, limits: tuple[float, float]) -> bool:
    return bool(limits[0] < picture.mean() / 255 < limits[1])
