"""The end of a whole run: a sheet that a person can judge, and figures of every version where references are given."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from davy.domain.errors import UnreadableImageError
from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db, ssim
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.photographs import find_pictures
from davy_trainer.data.unpaired import read_small
from davy_trainer.evaluation.dark_regions import dark_psnr_db
from davy_trainer.evaluation.sheet import CELL_WIDTH, Row, sheet
from davy_trainer.evaluation.validation import Pair, through

Versions = Mapping[str, IspCnn]
"""Networks by what a sheet calls them, oldest first."""
Figures = dict[str, dict[str, float]]
SHORT_SIDE = 512  # px that pictures are reduced to for a sheet
TITLE_PX = 28


def summary_sheet(folders: Sequence[Path], versions: Versions, of_each: int) -> BgrImage:
    """low | each version, with titles; of_each pictures of every sub-folder (or folder), evenly taken."""
    rows: list[Row] = []
    for path in shown_pictures(folders, of_each):
        try:
            picture = read_small(path, SHORT_SIDE)
        except UnreadableImageError:  # a sheet shows what it can
            continue
        rows.append([picture, *(through(net, picture) for net in versions.values())])
    if not rows:
        raise UnreadableImageError(f"{', '.join(map(str, folders))}: no file tried is a picture")
    return np.vstack([titles(["low light", *versions]), sheet(rows)])


def shown_pictures(folders: Sequence[Path], of_each: int) -> list[Path]:
    """of_each paths of every folder that holds pictures, evenly taken."""
    by_folder: dict[Path, list[Path]] = {}
    for folder in folders:
        for path in find_pictures(folder):
            by_folder.setdefault(path.parent, []).append(path)
    chosen: list[Path] = []
    for paths in by_folder.values():
        some = np.linspace(0, len(paths) - 1, min(of_each, len(paths)) + 2)[1:-1] if len(paths) > of_each else range(len(paths))
        chosen += [paths[round(float(i))] for i in some]
    return chosen


def titles(words: Sequence[str], width: int = CELL_WIDTH) -> BgrImage:
    """A strip with a word over each column."""
    strip = np.zeros((TITLE_PX, width * len(words), 3), np.uint8)
    for column, word in enumerate(words):
        cv2.putText(strip, word, (column * width + 8, TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    return strip


def figures(pairs: Sequence[Pair], versions: Versions) -> Figures:
    """Means against references: of the raw pictures, and of every version."""
    found = {"raw": _means(pairs, [pair.low for pair in pairs])}
    for name, net in versions.items():
        found[name] = _means(pairs, [through(net, pair.low) for pair in pairs])
    return found


def markdown(found: Figures) -> str:
    lines = ["| | PSNR / dB | SSIM | PSNR of the darkest quarter / dB |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {f['psnr_db']:.2f} | {f['ssim']:.3f} | {f['dark_psnr_db']:.2f} |" for name, f in found.items()]
    return "\n".join(lines)


def verdict(found: Figures, start: str) -> tuple[bool, str]:
    """Whether the newest version is nearer to the references than the row called start, and what each step brought."""
    steps = [f"{newer} {_gain(found, older, newer):+.2f} dB" for older, newer in pairwise(found)]
    newest = list(found)[-1]
    gain = _gain(found, start, newest)
    told = f"{newest} {'improves on' if gain > 0 else 'does NOT improve on'} {start} by {gain:.2f} dB"
    return gain > 0, f"{told} (step by step: {', '.join(steps)})"


def _gain(found: Figures, older: str, newer: str) -> float:
    return found[newer]["psnr_db"] - found[older]["psnr_db"]


def _means(pairs: Sequence[Pair], outputs: Sequence[BgrImage]) -> dict[str, float]:
    both = list(zip(pairs, outputs, strict=True))
    return {
        "psnr_db": float(np.mean([min(psnr_db(image, pair.truth), 100.0) for pair, image in both])),
        "ssim": float(np.mean([ssim(image, pair.truth) for pair, image in both])),
        "dark_psnr_db": float(np.mean([dark_psnr_db(pair.low, image, pair.truth) for pair, image in both])),
    }
