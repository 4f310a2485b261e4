"""Unpaired real pictures, low-light and normal, split into training and held-out ones."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy_trainer.data.photographs import find_pictures, is_picture, read_bgr, shrink_to
from davy_trainer.data.unreadable import report_unreadable

RECORDING_SEPARATOR = "__"  # "drill__drill_k2w_003.jpg" is a frame of the recording "drill", similar to its neighbours


@dataclass(frozen=True, slots=True)
class Split:
    """Readable pictures of one class: for training, and held out for validation."""

    train: tuple[Path, ...]
    held_out: tuple[Path, ...]


def split_folders(folders: Sequence[Path], held_out_share: float, limit: int, seed: int) -> Split:
    """Split at most `limit` pictures of folders, evenly spaced; a recording belongs to one side completely.

    Args:
        held_out_share: Approximate share of held-out pictures; of a single recording, its last pictures are held out.

    Raises:
        ConfigError: A folder is missing or empty, or too few pictures are readable for both sides.
    """
    paths = [path for folder in folders for path in find_pictures(folder)]
    chosen = readable([paths[index] for index in sorted({round(i) for i in np.linspace(0, len(paths) - 1, limit)})])
    wanted = max(round(len(chosen) * held_out_share), 1)
    recordings: dict[tuple[Path, str], list[Path]] = {}
    for path in chosen:
        recordings.setdefault(_recording(path), []).append(path)
    names = list(recordings)
    held_out: list[Path] = []
    for index in np.random.default_rng(seed).permutation(len(names)):
        if len(held_out) < wanted and len(held_out) + len(recordings[names[index]]) <= 2 * wanted:
            held_out += recordings[names[index]]
    held_out = held_out or chosen[-wanted:]
    train = [path for path in chosen if path not in set(held_out)]
    if not train:
        raise ConfigError(
            f"{', '.join(map(str, folders))}: {len(chosen)} of {len(paths)} files are readable pictures, and training needs "
            "two: one to train on, one to validate"
        )
    return Split(tuple(train), tuple(sorted(held_out)))


def readable(paths: Sequence[Path]) -> list[Path]:
    """Return the paths that hold a picture, and report the others."""
    found = [path for path in paths if is_picture(path)]
    report_unreadable(sorted(set(paths) - set(found)))
    return found


def read_small(path: Path, short_side: int) -> BgrImage:
    """Read a picture, reduced to at most short_side px on its short side.

    Raises:
        UnreadableImageError: The file is not a picture.
    """
    return shrink_to(read_bgr(path), short_side)


def checksum_of_files(paths: Sequence[Path]) -> int:
    """Return a checksum over names and bytes, by which a resumed run recognises its pictures."""
    checksum = 0
    for path in paths:
        checksum = zlib.crc32(path.read_bytes(), zlib.crc32(path.name.encode(), checksum))
    return checksum


def _recording(path: Path) -> tuple[Path, str]:
    """Return folder and recording; a file without a recording in its name is one by itself."""
    return path.parent, path.stem.split(RECORDING_SEPARATOR)[0]
