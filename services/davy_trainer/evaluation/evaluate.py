"""Evaluation of an exported model: figures with references, a sheet without."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from davy.domain.errors import UnreadableImageError
from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db, ssim, vif
from davy.imaging.runtime import StillEnhancer
from davy_trainer.data.photographs import find_pictures, read_bgr
from davy_trainer.evaluation.sheet import sheet, write_png
from davy_trainer.evaluation.validation import Pair

MEASURES: dict[str, Callable[[BgrImage, BgrImage], float]] = {
    "psnr_db": lambda image, reference: min(psnr_db(image, reference), 100.0),  # JSON has no infinity
    "ssim": ssim,
    "vif": vif,
}
Figures = dict[str, float]
Scores = dict[str, object]


def evaluate(pairs: Sequence[Pair], still: StillEnhancer) -> Scores:
    """Return the measures of every pair, raw and enhanced, and their means; JSON values."""
    rows: list[dict[str, object]] = []
    for pair in pairs:
        enhanced = still.enhance(pair.low)
        rows.append(
            {"name": pair.name, "raw": _figures(pair.low, pair.reference), "enhanced": _figures(enhanced, pair.reference)}
        )
    return {
        "model": still.model,
        "pictures": len(rows),
        "reference_brightness": float(np.mean([_brightness(pair.reference) for pair in pairs])),
        "raw": _means([row["raw"] for row in rows]),
        "enhanced": _means([row["enhanced"] for row in rows]),
        "each": rows,
    }


def markdown(scores: Scores) -> str:
    """Return the means as a Markdown table."""
    lines = [
        f"{scores['model']} on {scores['pictures']} pairs; brightness of the references {scores['reference_brightness']:.1f}",
        "",
        "| | PSNR / dB | SSIM | VIF | brightness |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in ("raw", "enhanced"):
        mean = scores[name]
        assert isinstance(mean, dict)
        lines.append(f"| {name} | {mean['psnr_db']:.2f} | {mean['ssim']:.3f} | {mean['vif']:.3f} | {mean['brightness']:.1f} |")
    return "\n".join(lines)


def write_sheet(folder: Path, out: Path, still: StillEnhancer, count: int, columns: int) -> tuple[int, int]:
    """Write a sheet of count pictures, raw and enhanced, evenly spaced in folder.

    Returns:
        Number of pictures on the sheet, and of unreadable ones.

    Raises:
        UnreadableImageError: None is readable.
    """
    paths = find_pictures(folder)
    chosen = [paths[index] for index in sorted({round(i) for i in np.linspace(0, len(paths) - 1, count)})]
    rows: list[list[BgrImage]] = []
    for path in chosen:
        try:
            picture = read_bgr(path)
        except UnreadableImageError:
            continue
        rows.append([picture, still.enhance(picture)])
    if not rows:
        raise UnreadableImageError(f"{folder}: none of the {len(chosen)} selected files is a picture")
    write_png(out, sheet(rows, columns=columns))
    return len(rows), len(chosen) - len(rows)


def _figures(image: BgrImage, reference: BgrImage) -> Figures:
    return {name: measure(image, reference) for name, measure in MEASURES.items()} | {"brightness": _brightness(image)}


def _brightness(image: BgrImage) -> float:
    return float(image.mean())


def _means(rows: Sequence[object]) -> Figures:
    figures = [row for row in rows if isinstance(row, dict)]
    return {name: float(np.mean([row[name] for row in figures])) for name in figures[0]}
