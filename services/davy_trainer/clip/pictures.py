"""Photographs in known light, because this project applies it: training data of Davy's own CLIP."""

import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from davy.domain.errors import ConfigError, UnreadableImageError
from davy.imaging.lowlight import DarkRecipe, darken, relight_as_mine
from davy.imaging.lowlight.exposure import FloatImage, linear_to_srgb, srgb_to_linear
from davy.imaging.lowlight.sensor import Sensor, expose

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
LONG_SIDE = 384  # px of a crop before the forward model: noise stays visible at the tower's 224 px
HALF_DARK = DarkRecipe(
    display_mean=(0.12, 0.22), saturation=(0.8, 1.0), full_well_e=(3000.0, 40000.0), read_noise=(0.0001, 0.0004)
)
HELD_OUT_OF = 5  # one group of photographs in five is held out


def photographs(folder: Path) -> list[Path]:
    """Return all picture files under folder, sorted.

    Raises:
        ConfigError: The folder holds none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise ConfigError(f"{folder} holds no picture: expected {', '.join(sorted(SUFFIXES))}")
    return found


def is_held_out(path: Path) -> bool:
    """Return whether a photograph is held out: one group in five, selected by a checksum of its name.

    A group is one picture, or all frames of a recording ("drill__drill_k2w_003.jpg" belongs to "drill").
    """
    return zlib.crc32(f"{path.parent.name}/{path.stem.split('__')[0]}".encode()) % HELD_OUT_OF == 0


def read(path: Path, long_side: int = LONG_SIDE * 2) -> FloatImage:
    """Read display-encoded RGB (H, W, 3) in [0, 1], reduced to long_side.

    Raises:
        UnreadableImageError: The file is not a picture.
    """
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UnreadableImageError(f"{path} is not a JPEG or PNG")
    return resize_to(np.asarray(pixels[:, :, ::-1], np.float32) / np.float32(255), long_side)


def resize_to(image: FloatImage, long_side: int) -> FloatImage:
    factor = long_side / max(image.shape[:2])
    if factor >= 1:
        return image
    size = (max(round(image.shape[1] * factor), 16), max(round(image.shape[0] * factor), 16))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)


def crop(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Return a random crop of a third to all of each side, sometimes mirrored; at most LONG_SIDE px."""
    height, width = image.shape[:2]
    share = rng.uniform(0.33, 1.0)
    h, w = max(int(height * share), 16), max(int(width * share), 16)
    top, left = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
    view = image[top : top + h, left : left + w]
    return resize_to(np.ascontiguousarray(view[:, ::-1] if rng.random() < 0.5 else view), LONG_SIDE)


def as_taken(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Vary the exposure of a well-lit photograph by up to a third of a stop."""
    return linear_to_srgb(srgb_to_linear(image) * np.float32(2 ** rng.uniform(-0.33, 0.33)))


def overexpose(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Overexpose by 1.5 to 3.5 stops, with clipped highlights."""
    return linear_to_srgb(srgb_to_linear(image) * np.float32(2 ** rng.uniform(1.5, 3.5)))


def add_noise(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Add the noise of a dark picture after high gain."""
    sensor = Sensor(
        full_well_e=float(np.exp(rng.uniform(np.log(15), np.log(80)))),
        read_noise=float(rng.uniform(0.005, 0.02)),
        row_noise=float(rng.uniform(0, 0.004)),
        black_offset=0.0,
        hot_share=0.0,
        grain_px=float(rng.uniform(0.0, 1.0)),
    )
    return linear_to_srgb(expose(srgb_to_linear(as_taken(image, rng)), sensor, rng))


def in_low_light(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Darken with davy.imaging.lowlight; one picture in three only half, with little noise, as a good camera at dusk."""
    return darken(image, rng, HALF_DARK) if rng.random() < 1 / 3 else darken(image, rng)


def in_uneven_light(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Relight by lamps underground; one picture in three gets a deep shadow instead, as in backlight."""
    return shade(image, rng) if rng.random() < 1 / 3 else relight_as_mine(image, rng)


def shade(image: FloatImage, rng: np.random.Generator) -> FloatImage:
    """Darken a quarter to three quarters of the picture by 3 to 5.5 stops, with a soft border.

    The shadow prefers regions that are dark already, as in backlight.
    """
    grey = cv2.GaussianBlur(image.mean(axis=2), (0, 0), image.shape[0] / 12)
    field = cv2.resize(rng.standard_normal((3, 3), dtype=np.float32), image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    field -= np.float32(rng.uniform(0, 2)) * (grey - grey.mean()) / (grey.std() + np.float32(1e-3))
    softness = rng.uniform(0.05, 0.3)  # of the field's own unit deviation
    distance = (field - np.quantile(field, rng.uniform(0.25, 0.75))) / softness
    stops = rng.uniform(3.0, 5.5) / (1 + np.exp(-np.clip(distance, -30, 30)))
    light = srgb_to_linear(image) * np.exp2(-stops).astype(np.float32)[:, :, None]
    sensor = Sensor(float(rng.uniform(1000, 8000)), float(rng.uniform(0.0003, 0.002)), 0.0, 0.0, 0.0, 0.6)
    return linear_to_srgb(expose(light, sensor, rng))


Render = Callable[[FloatImage, np.random.Generator], FloatImage]
RENDER: dict[str, Render] = {
    "normal": as_taken,
    "low": in_low_light,
    "uneven": in_uneven_light,
    "over": overexpose,
    "noisy": add_noise,
}
