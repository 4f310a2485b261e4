"""How good the shipped form of a model is: with references as figures, without as a sheet to look at."""

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
    "psnr_db": lambda image, truth: min(psnr_db(image, truth), 100.0),  # equal pictures: a number that JSON has
    "ssim": ssim,
    "vif": vif,
}
Figures = dict[str, float]
Scores = dict[str, object]


def evaluate(pairs: Sequence[Pair], still: StillEnhancer) -> Scores:
    """Measures of every pair, raw and enhanced, and their means; JSON values."""
    rows: list[dict[str, object]] = []
    for pair in pairs:
        enhanced = still.enhance(pair.low)
        rows.append({"name": pair.name, "raw": _figures(pair.low, pair.truth), "enhanced": _figures(enhanced, pair.truth)})
    return {
        "model": still.model,
        "pictures": len(rows),
        "reference_brightness": float(np.mean([_brightness(pair.truth) for pair in pairs])),
        "raw": _means([row["raw"] for row in rows]),
        "enhanced": _means([row["enhanced"] for row in rows]),
        "each": rows,
    }


def markdown(scores: Scores) -> str:
    """The means as a Markdown table."""
    lines = [
        f"{scores['model']} on {scores['pictures']} pairs; the references' brightness is {scores['reference_brightness']:.1f}",
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
    """Write raw | enhanced of count pictures, evenly taken from folder.

    Returns:
        Pictures shown, and pictures skipped because they are unreadable.

    Raises:
        UnreadableImageError: none can be read.
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
        raise UnreadableImageError(f"{folder}: none of the {len(chosen)} files tried is a picture")
    write_png(out, sheet(rows, columns=columns))
    return len(rows), len(chosen) - len(rows)


def _figures(image: BgrImage, truth: BgrImage) -> Figures:
    return {name: measure(image, truth) for name, measure in MEASURES.items()} | {"brightness": _brightness(image)}


def _brightness(image: BgrImage) -> float:
    return float(image.mean())


def _means(rows: Sequence[object]) -> Figures:
    figures = [row for row in rows if isinstance(row, dict)]
    return {name: float(np.mean([row[name] for row in figures])) for name in figures[0]}
