"""Comparison of a new model with the running one: figures on references and samples, and a sheet."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from davy.atomic import write_atomic
from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy.imaging.iqa import clipped_share, illumination_uniformity, psnr_db, ssim
from davy.imaging.runtime import StillEnhancer
from davy_trainer.data.photographs import find_pictures, read_bgr, shrink_to
from davy_trainer.data.unreadable import read_all, report_unreadable
from davy_trainer.evaluation.sheet import Row, sheet, write_png
from davy_trainer.evaluation.summary import titles
from davy_trainer.evaluation.validation import Pair

MAX_SAMPLES, ROWS = 48, 12  # measured samples, equally many per camera; rows of the sheet
SHORT_SIDE = 720  # px
Means = dict[str, float]


def compare(new: Path, running: Path, pairs: Sequence[Pair], samples: Path | None, out: Path) -> Means:
    """Write compare.png (sample | running | new) and then compare.json, a flat table, to the folder out.

    Figures: val-psnr-db and val-ssim on pairs; sample-luma, sample-uniformity and sample-clipped in [0, 1]. NAME-running is the
    figure of the running model.

    Raises:
        ConfigError: There is nothing to compare on.
        ModelError: A file is not a model, or the new model's output is not a picture.
    """
    stills = {"": StillEnhancer(new), "-running": StillEnhancer(running)}
    pictures = read_samples(samples) if samples else []
    if not pairs and samples and not pictures:
        raise ConfigError(f"nothing to compare on: no picture in {samples} is readable")
    if not pairs and not pictures:
        raise ConfigError("nothing to compare on: give --validate FOLDER with low/ and high/, or --samples FOLDER")
    found: Means = {}
    for suffix, still in stills.items():
        found |= {f"{name}{suffix}": value for name, value in _on_pairs(pairs, still).items()}
        found |= {f"{name}{suffix}": value for name, value in _on_samples(pictures, still).items()}
    out.mkdir(parents=True, exist_ok=True)
    selected = [pictures[round(i)] for i in np.linspace(0, len(pictures) - 1, min(ROWS, len(pictures)))]
    shown = selected or [pair.low for pair in pairs[:ROWS]]
    rows: list[Row] = [[low, stills["-running"].enhance(low), stills[""].enhance(low)] for low in shown]
    write_png(out / "compare.png", np.vstack([titles(["sample", "running", "new"]), sheet(rows)]))
    write_atomic(out / "compare.json", (json.dumps(found, indent=1, allow_nan=False) + "\n").encode())
    return found


def read_samples(folder: Path) -> list[BgrImage]:
    """Read up to MAX_SAMPLES pictures, equally many of each sub-folder; unreadable ones are skipped and reported."""
    by_camera: dict[Path, list[Path]] = {}
    for path in find_pictures(folder):
        by_camera.setdefault(path.parent, []).append(path)
    each = max(1, MAX_SAMPLES // max(len(by_camera), 1))
    newest = [path for paths in by_camera.values() for path in paths[-each:]]  # names sort by time
    found, unreadable = read_all(newest, lambda path: shrink_to(read_bgr(path), SHORT_SIDE))
    report_unreadable(unreadable)
    return [picture for _, picture in found]


def _on_pairs(pairs: Sequence[Pair], still: StillEnhancer) -> Means:
    if not pairs:
        return {}
    outputs = [(still.enhance(pair.low), pair.reference) for pair in pairs]
    return {
        "val-psnr-db": float(np.mean([min(psnr_db(image, reference), 100.0) for image, reference in outputs])),
        "val-ssim": float(np.mean([ssim(image, reference) for image, reference in outputs])),
    }


def _on_samples(pictures: Sequence[BgrImage], still: StillEnhancer) -> Means:
    if not pictures:
        return {}
    shown = [still.enhance(picture) for picture in pictures]
    return {
        "sample-luma": float(np.mean([image.mean() / 255 for image in shown])),
        "sample-uniformity": float(np.mean([illumination_uniformity(image) for image in shown])),
        "sample-clipped": float(np.mean([clipped_share(image) for image in shown])),
    }
