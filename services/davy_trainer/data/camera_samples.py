"""Raw samples of cameras as a folder: EDGE/CAM/*.jpg, EDGE--CAM/*.jpg or EDGE.CAM/*.jpg; names sort by time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.domain.frame import BgrImage
from davy_trainer.data.photographs import find_pictures, is_picture, read_bgr, shrink_to
from davy_trainer.data.unreadable import report_unreadable

MAX_SHORT_SIDE = 1080  # px: a larger sample is reduced
MIN_DEVIATIONS = 2.0  # minimum change of light, in standard deviations of the earlier light
MIN_STOPS = 0.2  # minimum change of light
GRID = (8, 6)


@dataclass(frozen=True, slots=True)
class CameraSamples:
    """One camera's samples, oldest first."""

    name: str  # EDGE/CAM
    paths: tuple[Path, ...]

    @property
    def readable(self) -> bool:
        """Whether any sample is a picture."""
        return any(is_picture(path) for path in self.paths)

    def read(self, limit: int) -> list[BgrImage]:
        """Read the newest readable samples, at most `limit`, oldest first; unreadable ones are reported.

        Raises:
            ConfigError: None is readable.
        """
        found: list[BgrImage] = []
        unreadable: list[Path] = []
        for path in reversed(self.paths):
            if len(found) == limit:
                break
            try:
                found.append(shrink_to(read_bgr(path), MAX_SHORT_SIDE))
            except UnreadableImageError:
                unreadable.append(path)
        report_unreadable(unreadable)
        if not found:
            raise ConfigError(f"{self.name}: none of its {len(self.paths)} samples is a readable picture")
        return found[::-1]


def find_cameras(folder: Path) -> dict[str, CameraSamples]:
    """Return cameras by name.

    Raises:
        ConfigError: The folder is missing, holds no picture, or holds a picture outside of any camera's sub-folder.
    """
    found: dict[str, list[Path]] = {}
    for path in find_pictures(folder):
        found.setdefault(_camera_of(path.relative_to(folder)), []).append(path)
    return {name: CameraSamples(name, tuple(paths)) for name, paths in found.items()}


def select_cameras(
    cameras: Mapping[str, CameraSamples], drifted: Sequence[str]
) -> tuple[list[CameraSamples], list[CameraSamples]]:
    """Return the drifted cameras and all others that have a readable sample.

    Raises:
        ConfigError: A drifted camera has no samples.
    """
    if missing := [name for name in drifted if name not in cameras]:
        raise ConfigError(f"no samples of {', '.join(missing)}: there are some of {', '.join(sorted(cameras))}")
    others = [cameras[name] for name in sorted(set(cameras) - set(drifted))]
    return [cameras[name] for name in drifted], [camera for camera in others if camera.readable]


def most_diverse(pictures: Sequence[BgrImage], limit: int) -> list[BgrImage]:
    """Select at most `limit` pictures of diverse light, the newest first: farthest-point sampling on a coarse grid."""
    if not pictures:
        return []
    lights = np.stack([_light(picture) for picture in pictures])
    selected = [len(pictures) - 1]
    nearest = np.square(lights - lights[-1]).mean(1)
    while len(selected) < min(limit, len(pictures)):
        selected.append(int(np.argmax(nearest)))
        nearest = np.minimum(nearest, np.square(lights - lights[selected[-1]]).mean(1))
        nearest[selected] = -1
    return [pictures[k] for k in selected]


def split_by_light(pictures: Sequence[BgrImage]) -> int:
    """Return the index of the first picture of the newest light; 0 if the light never clearly changed.

    Source: Least-squares change-point detection on log light, on a coarse grid.
    """
    if len(pictures) < 2:
        return 0
    lights = np.stack([_light(picture) for picture in pictures])
    costs = [_squares(lights[:k]) + _squares(lights[k:]) for k in range(1, len(lights))]
    k = int(np.argmin(costs)) + 1
    between = float(np.sqrt(np.square(lights[k:].mean(0) - lights[:k].mean(0)).mean()))
    within = float(np.sqrt(min(costs) / max(len(lights) - 2, 1)))
    return k if between > max(MIN_DEVIATIONS * within, MIN_STOPS) else 0


def _light(picture: BgrImage) -> NDArray[np.float64]:
    """Return stops of light by grid cell and channel."""
    coarse = cv2.resize(picture, GRID, interpolation=cv2.INTER_AREA).astype(np.float64).ravel()
    return np.asarray(2.2 * np.log2(coarse + 2), np.float64)


def _squares(lights: NDArray[np.float64]) -> float:
    return float(np.square(lights - lights.mean(0)).mean(1).sum())


def _camera_of(path: Path) -> str:
    *folders, _ = path.parts
    for separator in ("--", "."):
        edge, found, camera = (folders[-1] if folders else "").partition(separator)
        if found and edge and camera:
            return f"{edge}/{camera}"
    if len(folders) >= 2:
        return "/".join(folders[-2:])
    raise ConfigError(f"{path} is in no camera's folder: put samples into EDGE/CAM/, EDGE--CAM/ or EDGE.CAM/")
