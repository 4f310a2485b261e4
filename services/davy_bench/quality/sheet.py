"""Contact sheets with the pictures of all methods side by side."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from davy.domain.errors import ConfigError
from davy.domain.frame import BgrImage
from davy_bench.methods.methods import DAVY, RAW
from davy_bench.quality.scores import Row, Scores

CELL_WIDTH = 320  # px
CAPTION = 20  # px
JPEG_QUALITY = 92


def write_sheet(path: Path, scores: Scores, rows: Sequence[Row], methods: Sequence[str] = ()) -> Path:
    """Write a line per row: low, each method and the reference if any, with the PSNR above each picture.

    The methods run again, as no picture is stored. No methods means all.
    """
    shown = [name for name in scores.methods if not methods or name in methods]
    return write_jpeg(path, np.vstack([_line(scores, row, shown) for row in rows]))


def select(scores: Scores, count: int, names: Sequence[str] = ()) -> list[Row]:
    """Select the named rows, or else count rows: half of them the worst, the others evenly spaced up to the best.

    The worst have the lowest PSNR of Davy or, without references, the largest growth of clipped highlights.

    Raises:
        ConfigError: a name is unknown.
    """
    if names:
        known = {row.case.name: row for row in scores.rows}
        if missing := [name for name in names if name not in known]:
            raise ConfigError(f"unknown picture {missing[0]!r}: the first ones are {', '.join(list(known)[:5])}")
        return [known[name] for name in names]
    key, sign = ("psnr_db", 1) if scores.paired else ("clipped_points", -1)
    ranked = sorted(scores.rows, key=lambda row: sign * row.figures[DAVY][key])
    worst = ranked[: (count + 1) // 2]
    others = ranked[len(worst) :]
    indices = sorted({round(index) for index in np.linspace(len(others) - 1, 0, count - len(worst))}) if others else []
    return worst + [others[index] for index in indices]


def write_jpeg(path: Path, image: BgrImage) -> Path:
    """Write the picture, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes())
    return path


def _line(scores: Scores, row: Row, methods: Sequence[str]) -> BgrImage:
    low, reference = row.case.load()
    cells = [cell(scores.methods[name](low), _caption(name, row)) for name in methods]
    if reference is not None:
        cells.append(cell(reference, "reference"))
    return np.hstack(cells)


def _caption(method: str, row: Row) -> str:
    figures = row.figures[method]
    if "psnr_db" in figures:
        text = f"{method}  {figures['psnr_db']:.2f} dB"
    else:
        text = method if method == RAW else f"{method}  clipped {figures['clipped_points']:+.2f}"
    return f"{text}   {row.case.name}" if method == RAW else text


def cell(picture: BgrImage, caption: str, width: int = CELL_WIDTH) -> BgrImage:
    """The picture, resized to a width in px, below its caption."""
    height = max(1, round(width * picture.shape[0] / picture.shape[1]))
    small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    strip = np.full((CAPTION, width, 3), 32, np.uint8)
    text = caption.encode("ascii", "replace").decode()  # all that OpenCV's font supports
    cv2.putText(strip, text, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return np.vstack([strip, np.asarray(small, np.uint8)])
