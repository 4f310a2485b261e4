"""Visibility in real frames without a reference: every metric compares an output with the raw frame.

The raw frame defines the dark regions for all methods: the darkest 40 % of its blocks of 16 px.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.imaging.iqa import clipped_share
from davy.imaging.iqa.luminance import check_same, luma
from davy_bench.quality.legibility import edges_kept, find_letters
from davy_bench.quality.measure import Figures, Measure
from davy_bench.quality.naturalness import brisque

BLOCK_PX = 16
DARK_SHARE = 0.4  # share of the blocks
FLAT_SHARE = 0.5  # share of the dark blocks, those with the least structure in the raw frame
FINE_SIGMA_PX, COARSE_SIGMA_PX = 1.5, 12.0  # structure of about 4 to 32 px, such as an arm, a bolt or a cable
CONTRAST_SIGMAS_PX = (4.0, 32.0)  # local contrast of 8 to 64 px
JUST_NOTICEABLE = 2.0  # of 255: just noticeable difference on a monitor; lower noise is invisible
MIN_STRUCTURE = 0.2  # of 255: lower structure is not compared
CONTRAST_FLOOR = 10.0  # of 255: limits the contrast of black
NOISE_TO_STRUCTURE = 0.15  # deviation of unit white noise between the two sigmas
ROW_SIGMA_PX = 12.0  # slower changes between rows belong to the scene
COLOURLESS = 2.0  # of 255: highest mean chroma of a frame without colour
HAZY_BLACK, HAZY_MEAN = 45.0, 80.0  # of 255: a hazy frame has a higher 5 % quantile and mean
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6  # unit gain for white noise

Plane = NDArray[np.float32]
Mask = NDArray[np.bool_]

VISIBLE_MEASURES = (
    Measure("visibility", "visibility in the dark", 2, "high"),
    Measure("dark_brightness", "dark brightness / of 255", 1, None),
    Measure("dark_noise", "noise in the dark / of 255", 2, "low"),
    Measure("noise_gain", "noise in the dark at equal gain, times raw", 2, "low"),
    Measure("contrast", "local contrast, times raw", 2, "high"),
    Measure("hazy_contrast", "local contrast of hazy frames, times raw", 2, "high"),
    Measure("bands", "row bands at equal gain, times raw", 2, "low"),
    Measure("chroma", "chroma of colourless frames", 2, "low"),
    Measure("clipped_points", "clipped, change / points", 2, "low"),
    Measure("text", "edges of burnt-in text, times raw", 2, "high"),
    Measure("brisque", "BRISQUE", 1, "low"),
    Measure("ms", "ms", 1, None),
)

EXPLAINED = """The dark regions are the darkest 40 % of the raw frame's blocks of 16 px. Visibility is the deviation of
structure of 4 to 32 px there, without the contribution of white noise and row bands, over the masking noise: the noise in the
flat half of these blocks (Immerkaer 1996) and 2 of 255, the just noticeable difference. A gain alone raises visibility only
until noise becomes visible. Equal gain means: divided by the gain of that structure. Local contrast is the deviation of luma
between sigmas of 4 and 32 px over the local mean. Hazy frames are bright and have no black; colourless ones have a mean
chroma under 2. Row bands are the deviation of row means in the dark from those of neighbouring rows. Clipped pixels have a
luma of at least 250. The edges of burnt-in text are the strongest gradients of white letters, which the stroke width
transform finds in the raw frame. BRISQUE (Mittal et al. 2012, OpenCV's model) is for reference: 0 is natural, 100 distorted.
Means are over all frames to which a column applies. Bold: the best method except raw."""


@dataclass(frozen=True, slots=True)
class DarkRegions:
    """Dark regions of a raw frame as masks (H, W); flat is the subset with little structure."""

    mask: Mask
    flat: Mask


def visibility_metrics(output: BgrImage, raw: BgrImage, _reference: BgrImage | None, seconds: float) -> Figures:
    """Compute the applicable metrics of an output, by Measure.key.

    Raises:
        ShapeError: the pictures have different shapes.
    """
    check_same(output, raw)
    before, after = luma(raw).astype(np.float32), luma(output).astype(np.float32)
    dark = find_dark_regions(before)
    contrast_in_dark = structure(after, dark)
    gain = max(contrast_in_dark, MIN_STRUCTURE) / max(structure(before, dark), MIN_STRUCTURE)
    noise = noise_level(after, dark.flat)
    contrast = local_contrast(after) / max(local_contrast(before), 1e-3)
    figures = {
        "visibility": contrast_in_dark / float(np.hypot(noise, JUST_NOTICEABLE)),
        "dark_brightness": float(after[dark.mask].mean()),
        "dark_noise": noise,
        "noise_gain": noise / gain / max(noise_level(before, dark.flat), 0.1),
        "contrast": contrast,
        "bands": row_bands(after, dark.mask) / gain / max(row_bands(before, dark.mask), 0.05),
        "clipped_points": 100 * (clipped_share(output) - clipped_share(raw)),
        "brisque": brisque(output),
        "ms": 1000 * seconds,
    }
    if letters := find_letters(raw):
        figures["text"] = edges_kept(after, before, letters)
    if is_hazy(before):
        figures["hazy_contrast"] = contrast
    if chroma(raw) < COLOURLESS:
        figures["chroma"] = chroma(output)
    return figures


def find_dark_regions(grey: Plane) -> DarkRegions:
    """Find the dark regions of a raw frame's luma (H, W)."""
    height, width = grey.shape
    rows, columns = max(height // BLOCK_PX, 1), max(width // BLOCK_PX, 1)
    means = cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA)
    mask = means <= np.quantile(means, DARK_SHARE)
    detail = np.abs(_blurred(grey, FINE_SIGMA_PX) - _blurred(grey, COARSE_SIGMA_PX))
    busy = cv2.resize(detail, (columns, rows), interpolation=cv2.INTER_AREA)
    flat = mask & (busy <= np.quantile(busy[mask], FLAT_SHARE))
    return DarkRegions(*(_enlarged(blocks, (width, height)) for blocks in (mask, flat)))


def structure(grey: Plane, dark: DarkRegions) -> float:
    """Deviation of structure in the dark, of 255, without row bands and the contribution of noise."""
    band = _blurred_inside(grey, dark.mask, FINE_SIGMA_PX) - _blurred_inside(grey, dark.mask, COARSE_SIGMA_PX)
    band -= _row_means(band, dark.mask)[:, None]
    square = float(np.square(band[dark.mask]).mean()) - (NOISE_TO_STRUCTURE * noise_level(grey, dark.flat)) ** 2
    return float(np.sqrt(max(square, 0.0)))


def noise_level(grey: Plane, where: Mask) -> float:
    """Standard deviation of the noise within a mask, of 255. Source: Immerkaer 1996."""
    residual = cv2.filter2D(grey, -1, LAPLACIAN)
    return float(np.sqrt(np.square(residual[where]).mean()))


def local_contrast(grey: Plane) -> float:
    """Mean deviation of luma between sigmas of 4 and 32 px, over the local mean."""
    fine, coarse = (_blurred(grey, sigma) for sigma in CONTRAST_SIGMAS_PX)
    return float(np.sqrt(np.square((fine - coarse) / (coarse + CONTRAST_FLOOR)).mean()))


def row_bands(grey: Plane, dark: Mask) -> float:
    """Deviation of row means in the dark from those of neighbouring rows, of 255."""
    means = _row_means(grey - _blurred_inside(grey, dark, ROW_SIGMA_PX), dark)
    return float(means[dark.any(axis=1)].std())


def is_hazy(grey: Plane) -> bool:
    """Whether a frame is bright and has no black."""
    return float(np.quantile(grey[::4, ::4], 0.05)) > HAZY_BLACK and float(grey.mean()) > HAZY_MEAN


def chroma(image: BgrImage) -> float:
    """Mean distance of Cr and Cb from grey, of 255."""
    ycc = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)[:, :, 1:].astype(np.float32) - 128
    return float(np.hypot(ycc[:, :, 0], ycc[:, :, 1]).mean())


def _blurred_inside(grey: Plane, mask: Mask, sigma_px: float) -> Plane:
    """Gaussian blur within the mask, without light from outside."""
    weight = mask.astype(np.float32)
    blurred: Plane = _blurred(grey * weight, sigma_px) / (_blurred(weight, sigma_px) + np.float32(1e-3))
    return blurred


def _blurred(grey: Plane, sigma_px: float) -> Plane:
    """Gaussian blur; wide ones run on a smaller picture."""
    factor = max(int(sigma_px / 4), 1)
    height, width = grey.shape
    size = (max(width // factor, 1), max(height // factor, 1))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma_px / factor)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _row_means(plane: Plane, where: Mask) -> Plane:
    """Mean of each row within the mask, 0 for a row outside it: (H,)."""
    count = where.sum(axis=1)
    means: Plane = np.asarray((plane * where).sum(axis=1) / np.maximum(count, 1), np.float32)
    return means


def _enlarged(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.bool_)
