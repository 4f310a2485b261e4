"""Summary of a complete run: a sheet for people, and figures of every version if there are references."""

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
from davy_trainer.evaluation.validation import Pair, enhance_with

Versions = Mapping[str, IspCnn]
"""Networks by their title on a sheet, oldest first."""
Figures = dict[str, dict[str, float]]
SHORT_SIDE = 512  # px of pictures on a sheet
TITLE_PX = 28


def summary_sheet(folders: Sequence[Path], versions: Versions, per_folder: int) -> BgrImage:
    """Draw low and each version, with titles: per_folder pictures of every folder and sub-folder, evenly spaced."""
    rows: list[Row] = []
    for path in shown_pictures(folders, per_folder):
        try:
            picture = read_small(path, SHORT_SIDE)
        except UnreadableImageError:  # a sheet shows the readable ones
            continue
        rows.append([picture, *(enhance_with(net, picture) for net in versions.values())])
    if not rows:
        raise UnreadableImageError(f"{', '.join(map(str, folders))}: none of the selected files is a picture")
    return np.vstack([titles(["low light", *versions]), sheet(rows)])


def shown_pictures(folders: Sequence[Path], per_folder: int) -> list[Path]:
    """Return per_folder paths of every folder that holds pictures, evenly spaced."""
    by_folder: dict[Path, list[Path]] = {}
    for folder in folders:
        for path in find_pictures(folder):
            by_folder.setdefault(path.parent, []).append(path)
    chosen: list[Path] = []
    for paths in by_folder.values():
        indices = (
            np.linspace(0, len(paths) - 1, min(per_folder, len(paths)) + 2)[1:-1]
            if len(paths) > per_folder
            else range(len(paths))
        )
        chosen += [paths[round(float(i))] for i in indices]
    return chosen


def titles(texts: Sequence[str], width: int = CELL_WIDTH) -> BgrImage:
    """Draw a header row with a title for each column."""
    header = np.zeros((TITLE_PX, width * len(texts), 3), np.uint8)
    for column, text in enumerate(texts):
        cv2.putText(header, text, (column * width + 8, TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
    return header


def figures(pairs: Sequence[Pair], versions: Versions) -> Figures:
    """Return mean figures against references, of the raw pictures and of every version."""
    found = {"raw": _means(pairs, [pair.low for pair in pairs])}
    for name, net in versions.items():
        found[name] = _means(pairs, [enhance_with(net, pair.low) for pair in pairs])
    return found


def markdown(found: Figures) -> str:
    lines = ["| | PSNR / dB | SSIM | PSNR of the darkest quarter / dB |", "|---|---:|---:|---:|"]
    lines += [f"| {name} | {f['psnr_db']:.2f} | {f['ssim']:.3f} | {f['dark_psnr_db']:.2f} |" for name, f in found.items()]
    return "\n".join(lines)


def compare_with_start(found: Figures, start: str) -> tuple[bool, str]:
    """Return whether the newest version is better than the row `start`, and a sentence with the gain of each step."""
    steps = [f"{newer} {_gain(found, older, newer):+.2f} dB" for older, newer in pairwise(found)]
    newest = list(found)[-1]
    gain = _gain(found, start, newest)
    result = f"{newest} {'improves on' if gain > 0 else 'does NOT improve on'} {start} by {gain:.2f} dB"
    return gain > 0, f"{result} (step by step: {', '.join(steps)})"


def _gain(found: Figures, older: str, newer: str) -> float:
    return found[newer]["psnr_db"] - found[older]["psnr_db"]


def _means(pairs: Sequence[Pair], outputs: Sequence[BgrImage]) -> dict[str, float]:
    results = list(zip(pairs, outputs, strict=True))
    return {
        "psnr_db": float(np.mean([min(psnr_db(image, pair.reference), 100.0) for pair, image in results])),
        "ssim": float(np.mean([ssim(image, pair.reference) for pair, image in results])),
        "dark_psnr_db": float(np.mean([dark_psnr_db(pair.low, image, pair.reference) for pair, image in results])),
    }
