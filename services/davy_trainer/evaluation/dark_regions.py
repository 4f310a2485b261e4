"""Figures of the darkest regions of enhanced pictures, with references and without."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.imaging.iqa import psnr_db
from davy_trainer.objectives.patches import LUMA_BGR

GRID = 8  # blocks per side
SHARE = 0.25  # share of the darkest blocks
RIM = 1.5 / 255  # a darker block has no content, as a fisheye's rim
GRAIN_PX = 4  # contrast is measured on means of this size, without noise

Slices = tuple[slice, slice]


def dark_blocks(low: BgrImage) -> list[Slices]:
    """Return the darkest quarter of GRID x GRID blocks of a low-light picture, without the rim; at least one."""
    y = _luma(low)
    rows, columns = (np.linspace(0, side, GRID + 1).round().astype(int) for side in y.shape)
    blocks = [(slice(top, bottom), slice(left, right)) for top, bottom in pairwise(rows) for left, right in pairwise(columns)]
    blocks.sort(key=lambda block: float(y[block].mean()))
    lit = [block for block in blocks if y[block].mean() >= RIM] or blocks
    return lit[: max(round(len(lit) * SHARE), 1)]


def dark_figures(low: BgrImage, enhanced: BgrImage) -> dict[str, float]:
    """Return the mean luma of the dark blocks, of [0, 1], and their local contrast: deviation over mean in a block."""
    y = _luma(enhanced)
    blocks = [y[block] for block in dark_blocks(low)]
    contrasts = []
    for block in blocks:
        size = max(block.shape[1] // GRAIN_PX, 1), max(block.shape[0] // GRAIN_PX, 1)
        coarse = cv2.resize(block, size, interpolation=cv2.INTER_AREA)
        contrasts.append(float(coarse.std() / max(float(coarse.mean()), 1 / 255)))
    return {"dark_luma": float(np.mean([block.mean() for block in blocks])), "dark_contrast": float(np.mean(contrasts))}


def dark_psnr_db(low: BgrImage, enhanced: BgrImage, reference: BgrImage) -> float:
    """Return the PSNR over the pixels of the dark blocks."""
    blocks = dark_blocks(low)
    pixels, target = (np.concatenate([image[block].reshape(-1, 1, 3) for block in blocks]) for image in (enhanced, reference))
    return min(psnr_db(pixels, target), 100.0)


def _luma(image: BgrImage) -> NDArray[np.float32]:
    return np.asarray(image.astype(np.float32) @ LUMA_BGR / np.float32(255), np.float32)
