"""Legibility of burnt-in text: how much of its edges a method keeps."""

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage

MIN_HEIGHT_PX, MAX_HEIGHT_PX = 7, 60  # of a letter
MIN_LETTERS = 4  # fewer are specks of rock
BURNT_IN = 200  # of 255: cameras write in white
MIN_CONTRAST = 60  # of 255, between a letter and its ground
EDGE_QUANTILE = 0.8  # a letter's edges are the strongest fifth of its gradients
MARGIN_PX = 2

Plane = NDArray[np.float32]
Box = tuple[int, int, int, int]  # x, y, width, height


def find_letters(raw: BgrImage) -> list[Box]:
    """Find bright letters by their stroke width, or nothing where there is no text. Source: Epshtein et al. 2010, by OpenCV."""
    found = cv2.text.detectTextSWT(raw, False)
    boxes = found[0] if isinstance(found, tuple) else found
    grey = cv2.cvtColor(raw, cv2.COLOR_BGR2GRAY)
    letters = [box for each in boxes if _is_letter(grey, box := (int(each[0]), int(each[1]), int(each[2]), int(each[3])))]
    return letters if len(letters) >= MIN_LETTERS else []


def edges_kept(output: Plane, raw: Plane, letters: list[Box]) -> float:
    """Mean gradient at the edges of letters, times the raw frame's.

    Args:
        output, raw: Luma (H, W), of 255.
        letters: Boxes of at least one letter.
    """
    after, before = _gradient(output), _gradient(raw)
    ratios = []
    for x, y, width, height in letters:
        where = np.s_[max(y - MARGIN_PX, 0) : y + height + MARGIN_PX, max(x - MARGIN_PX, 0) : x + width + MARGIN_PX]
        edge = before[where] >= np.quantile(before[where], EDGE_QUANTILE)
        ratios.append(float(after[where][edge].mean() / max(float(before[where][edge].mean()), 1.0)))
    return float(np.mean(ratios))


def _is_letter(grey: NDArray[np.uint8], box: Box) -> bool:
    x, y, width, height = box
    if not (MIN_HEIGHT_PX <= height <= MAX_HEIGHT_PX and 1 < width <= 2 * height):
        return False
    pixels = grey[y : y + height, x : x + width]
    ground, stroke = np.quantile(pixels, (0.1, 0.95))
    return bool(stroke >= BURNT_IN and stroke - ground >= MIN_CONTRAST)


def _gradient(grey: Plane) -> Plane:
    gradient: Plane = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    return gradient
