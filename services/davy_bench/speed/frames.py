"""Frames for the measurement of speed: a camera of the simulated mine, dark and noisy."""

from itertools import chain

import numpy as np

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy_bench.datasets.simulated import EPOCH_NS, FIRST_S
from davy_simulator.world import Mine

SEED, PLACE, FPS = 907, "gallery", 10.0
FRAMES = 10  # one inference of the network in a video
SIZES = {"480p": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}  # width, height
LARGEST = SIZES["1080p"]  # largest picture of the simulated mine


def parse_sizes(text: str) -> tuple[str, ...]:
    """Read names of SIZES separated by commas, and sort them by size.

    Raises:
        ConfigError: a name is unknown.
    """
    known = {name.lower(): name for name in SIZES}
    names = [name.strip().lower() for name in text.split(",") if name.strip()]
    if not names or (unknown := [name for name in names if name not in known]):
        raise ConfigError(f"size {unknown[0] if names else text!r}: choose from {', '.join(SIZES)}")
    return tuple(name for name in SIZES if name.lower() in names)


def moving_frames(size: tuple[int, int], count: int = FRAMES) -> list[BgrImage]:
    """Successive contiguous frames of a size (width, height); larger ones than LARGEST are mosaics of four mirrored frames."""
    if size[0] > LARGEST[0] or size[1] > LARGEST[1]:
        return [_mirrored(image) for image in moving_frames((size[0] // 2, size[1] // 2), count)]
    mine = Mine(SEED, EPOCH_NS)
    return [np.ascontiguousarray(mine.render(PLACE, FIRST_S + index / FPS, size)) for index in range(count)]


def ping_pong_order(count: int) -> list[int]:
    """Order of frames that repeats without a jump: 0, 1, ..., n - 1, n - 2, ..., 1."""
    return list(chain(range(count), range(count - 2, 0, -1)))


def _mirrored(image: BgrImage) -> BgrImage:
    upper = np.concatenate([image, image[:, ::-1]], axis=1)
    return np.concatenate([upper, upper[::-1]], axis=0)
