"""Unpaired real pictures, low-light and normal: which there are, and who judges and never trains."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy_trainer.data.photographs import find_pictures, read_bgr, shrink_to

RUN_MARK = "__"  # "drill__drill_k2w_003.jpg" is a frame of the recording "drill": its neighbours show the same


@dataclass(frozen=True, slots=True)
class Split:
    """Paths of one class: some to train on, some to judge by, none in both."""

    train: tuple[Path, ...]
    held: tuple[Path, ...]


def split_folders(folders: Sequence[Path], held_out: float, most: int, seed: int) -> Split:
    """At most `most` pictures of folders, evenly taken; recordings go to one side as a whole.

    Args:
        held_out: share of the pictures that judge, about: a single recording is cut at its end instead.

    Raises:
        ConfigError: a folder is missing or empty, or there are too few pictures for both sides.
    """
    paths = [path for folder in folders for path in find_pictures(folder)]
    chosen = [paths[index] for index in sorted({round(i) for i in np.linspace(0, len(paths) - 1, most)})]
    wanted = max(round(len(chosen) * held_out), 1)
    recordings: dict[tuple[Path, str], list[Path]] = {}
    for path in chosen:
        recordings.setdefault(_recording(path), []).append(path)
    names = list(recordings)
    held: list[Path] = []
    for index in np.random.default_rng(seed).permutation(len(names)):
        if len(held) < wanted and len(held) + len(recordings[names[index]]) <= 2 * wanted:
            held += recordings[names[index]]
    held = held or chosen[-wanted:]
    train = [path for path in chosen if path not in set(held)]
    if not train:
        raise ConfigError(f"{', '.join(map(str, folders))}: too few pictures to train on some and judge by others")
    return Split(tuple(train), tuple(sorted(held)))


def read_small(path: Path, short_side: int) -> BgrImage:
    """A picture with at most short_side px on its short side.

    Raises:
        UnreadableImageError: it is no picture.
    """
    return shrink_to(read_bgr(path), short_side)


def checksum_of_files(paths: Sequence[Path]) -> int:
    """Over names and bytes: a resumed run must see the same pictures."""
    checksum = 0
    for path in paths:
        checksum = zlib.crc32(path.read_bytes(), zlib.crc32(path.name.encode(), checksum))
    return checksum


def _recording(path: Path) -> tuple[Path, str]:
    """Folder and recording; a file whose name tells none is one by itself."""
    return path.parent, path.stem.split(RUN_MARK)[0]
