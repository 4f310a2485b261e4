"""The metrics of one method on one picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from davy.domain.frame import BgrImage
from davy.imaging.iqa import clipped_share, illumination_uniformity, loe, noise_gain, psnr_db, ssim, vif
from davy.imaging.iqa.luminance import luma

MAX_PSNR_DB = 100.0  # of identical pictures, as JSON has no infinity
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric: its key in JSON, title and digits in tables, and the better direction (None: neither)."""

    key: str
    title: str
    digits: int
    better: Literal["high", "low", None]
    needs_reference: bool = False


MEASURES: Sequence[Measure] = (
    Measure("psnr_db", "PSNR / dB", 2, "high", needs_reference=True),
    Measure("ssim", "SSIM", 3, "high", needs_reference=True),
    Measure("vif", "VIF", 3, "high", needs_reference=True),
    Measure("gm_db", "GM / dB (diagnostic)", 2, None, needs_reference=True),
    Measure("loe", "LOE", 0, "low"),
    Measure("clipped_percent", "clipped / %", 2, "low"),
    Measure("clipped_points", "clipped, change / points", 2, "low"),
    Measure("noise_gain", "noise gain", 2, "low"),
    Measure("uniformity", "uniformity", 3, "high"),
    Measure("brightness", "brightness", 1, None),
    Measure("ms", "ms", 1, None),
)

EXPLAINED = """PSNR and SSIM as scikit-image computes them (8 bit, Gaussian window, sigma 1.5); VIF is `sewar.vifp` on grey;
LOE (Wang 2013), clipped (luma of at least 250) and noise gain (Immerkaer's estimate, flat dark blocks) compare with the input;
uniformity is the mean of the darkest tenth of 12 x 12 blocks over that of all, in linear light; brightness is the mean, of 255;
ms is the median of one run per picture on one thread. Outputs are not aligned to the reference. The exception is GM, a
diagnostic: the PSNR after the output's mean luma is scaled to the reference's, without the error of exposure.
Bold: the best method except raw."""


def measure(output: BgrImage, low: BgrImage, reference: BgrImage | None, seconds: float) -> Figures:
    """Compute all applicable metrics, by Measure.key.

    Raises:
        ShapeError: the pictures have different shapes, or are too small.
    """
    clipped = 100 * clipped_share(output)
    figures = {
        "loe": loe(output, low),
        "clipped_percent": clipped,
        "clipped_points": clipped - 100 * clipped_share(low),
        "noise_gain": noise_gain(output, low),
        "uniformity": illumination_uniformity(output),
        "brightness": float(output.mean()),
        "ms": 1000 * seconds,
    }
    if reference is None:
        return figures
    return {
        "psnr_db": psnr(output, reference),
        "ssim": ssim(output, reference),
        "vif": vif(output, reference),
        "gm_db": psnr(with_mean_of(output, reference), reference),
    } | figures


def psnr(output: BgrImage, reference: BgrImage) -> float:
    """PSNR in dB, at most 100."""
    return min(psnr_db(output, reference), MAX_PSNR_DB)


def with_mean_of(image: BgrImage, reference: BgrImage) -> BgrImage:
    """Scale the image to the reference's mean luma, clipped."""
    factor = luma(reference).mean() / max(float(luma(image).mean()), 1e-6)
    return np.asarray(np.clip(np.rint(image * factor), 0, 255), np.uint8)
