"""The moving pictures that speed is measured on: a camera of the simulated mine, dark and noisy as mines are."""

from itertools import chain

import numpy as np

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy_bench.datasets.simulated import EPOCH_NS, FIRST_S
from davy_simulator.world import Mine

SEED, PLACE, FPS = 907, "gallery", 10.0
FRAMES = 10  # one look of the network in a video
SIZES = {"480p": (640, 480), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}  # width, height
LARGEST = SIZES["1080p"]  # that the simulated mine renders


def parse_sizes(text: str) -> tuple[str, ...]:
    """Names of SIZES, from words with commas, in the order of growing size.

    Raises:
        ConfigError: another name.
    """
    known = {name.lower(): name for name in SIZES}
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if not words or (unknown := [word for word in words if word not in known]):
        raise ConfigError(f"size {unknown[0] if words else text!r}: choose from {', '.join(SIZES)}")
    return tuple(name for name in SIZES if name.lower() in words)


def moving(size: tuple[int, int], count: int = FRAMES) -> list[BgrImage]:
    """Successive frames of size (width, height), each contiguous; one larger than the mine renders is four, mirrored."""
    if size[0] > LARGEST[0] or size[1] > LARGEST[1]:
        return [_mirrored(image) for image in moving((size[0] // 2, size[1] // 2), count)]
    mine = Mine(SEED, EPOCH_NS)
    return [np.ascontiguousarray(mine.render(PLACE, FIRST_S + index / FPS, size)) for index in range(count)]


def to_and_fro(count: int) -> list[int]:
    """Indices of frames that can be shown for ever without a cut: 0, 1, ..., n - 1, n - 2, ..., 1."""
    return list(chain(range(count), range(count - 2, 0, -1)))


def _mirrored(image: BgrImage) -> BgrImage:
    upper = np.concatenate([image, image[:, ::-1]], axis=1)
    return np.concatenate([upper, upper[::-1]], axis=0)
