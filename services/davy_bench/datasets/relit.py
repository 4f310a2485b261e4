"""Pairs from photographs: relit as a mine by `davy.imaging.lowlight`, and the original as reference."""

import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from davy.domain.errors import ConfigError
from davy.domain.extras import install_command
from davy.domain.frame import BgrImage
from davy.imaging.iqa.seeds import check_evaluation_seeds
from davy.imaging.lowlight import relight_as_mine
from davy_bench.datasets.cases import Case, ImagePair, find_pictures, read, shrink_to

SHORT_SIDE_PX = 512
Photographs = Sequence[tuple[str, Callable[[], BgrImage]]]


def relit_cases(photographs: Photographs, seeds: Sequence[int], group: str = "") -> list[Case]:
    """Every photograph under the lamps of every seed, independent of the other photographs.

    Raises:
        ConfigError: a seed may be a training seed.
    """
    checked = check_evaluation_seeds(seeds)
    return [_case(name, load, seed, group) for name, load in photographs for seed in checked]


def folder_photographs(folder: Path) -> Photographs:
    """The pictures below a folder.

    Raises:
        ConfigError: the folder is missing, or has no picture.
    """
    return [(path.stem, partial(read, path)) for path in find_pictures(folder)]


def bundled_photographs() -> Photographs:
    """Five well-lit colour photographs of scikit-image and Matplotlib, available offline and free to publish.

    Raises:
        ConfigError: one of the packages is not installed.
    """
    try:
        from matplotlib import cbook
        from skimage import data
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the default photographs need scikit-image and Matplotlib, but {error.name} is not installed: "
            f"{install_command('bench')}, or give a folder of well-lit photographs"
        ) from error
    hopper = Path(str(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    return [
        ("astronaut", lambda: _bgr(data.astronaut())),
        ("cat", lambda: _bgr(data.chelsea())),
        ("coffee", lambda: _bgr(data.coffee())),
        ("motorcycle", lambda: _bgr(data.stereo_motorcycle()[0])),
        ("portrait", lambda: read(hopper)),
    ]


def _case(name: str, load: Callable[[], BgrImage], seed: int, group: str) -> Case:
    def load_pair() -> ImagePair:
        reference = shrink_to(load(), SHORT_SIDE_PX)
        rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
        display = np.ascontiguousarray(reference[:, :, ::-1]).astype(np.float32) / np.float32(255)
        low = np.rint(relight_as_mine(display, rng) * 255).astype(np.uint8)
        return np.ascontiguousarray(low[:, :, ::-1]), reference

    return Case(f"{name}, seed {seed}", group, load_pair)


def _bgr(rgb: BgrImage) -> BgrImage:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)
