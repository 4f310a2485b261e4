"""Contact sheets: pictures side by side."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from davy.domain.frame import BgrImage

CELL_WIDTH = 320  # px
Row = Sequence[BgrImage]


def sheet(rows: Sequence[Row], cell_width: int = CELL_WIDTH, columns: int = 1) -> BgrImage:
    """Stack rows of equally many pictures, `columns` rows side by side; each picture is scaled to cell_width."""
    scaled_rows = [np.hstack([_cell(picture, cell_width, _height(row[0], cell_width)) for picture in row]) for row in rows]
    lines = []
    for first in range(0, len(scaled_rows), columns):
        line = scaled_rows[first : first + columns]
        line += [np.zeros_like(line[0])] * (columns - len(line))
        height = max(row.shape[0] for row in line)
        lines.append(np.hstack([_pad(row, height) for row in line]))
    return np.vstack(lines)


def from_tensor(image: Tensor) -> BgrImage:
    """Convert RGB (3, H, W) in [0, 1] to BGR bytes (H, W, 3)."""
    pixels = image.detach().clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).cpu().numpy()
    return np.ascontiguousarray(pixels[:, :, ::-1])


def write_png(path: Path, image: BgrImage) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", image)[1].tobytes())


def _height(picture: BgrImage, width: int) -> int:
    return max(1, round(width * int(picture.shape[0]) / int(picture.shape[1])))


def _cell(picture: BgrImage, width: int, height: int) -> BgrImage:
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _pad(row: BgrImage, height: int) -> BgrImage:
    return np.pad(row, ((0, height - row.shape[0]), (0, 0), (0, 0)))
