"""Classical low-light enhancement, the baselines of Davy: BGR (H, W, 3), uint8, into a new array."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy_bench.methods.light_maps import exposure_fusion, lime

DISPLAY_GAMMA = 2.2
MID_GREY = 0.5  # of [0, 1]
CLIP_LIMIT, TILES = 2.0, 8  # of CLAHE, as in most papers on low light
RETINEX_SIGMAS_PX = (15.0, 80.0, 250.0)
RETINEX_ALPHA = 125.0
BALANCE_SHARE = 0.01  # share of a channel's pixels that clip at either end
MAX_EXACT_SIGMA_PX = 6.0  # wider blurs run on a smaller picture

Floats = NDArray[np.float32]


def gamma(image: BgrImage, exponent: float = DISPLAY_GAMMA) -> BgrImage:
    """Compute 255 (image / 255) ** (1 / exponent): an exponent over 1 brightens, 1 is the identity."""
    levels = np.arange(256) / 255
    return np.asarray(cv2.LUT(image, np.rint(255 * levels ** (1 / exponent)).astype(np.uint8)), np.uint8)


def auto_gamma(image: BgrImage) -> BgrImage:
    """Apply the gamma that maps the picture's mean to the middle of the range; never darken.

    mean ** (1 / exponent) = 0.5. The mean of the result is slightly lower, as the curve is concave; black stays black.
    """
    mean = float(np.clip(image.mean() / 255, 1 / 255, MID_GREY))
    return gamma(image, math.log(mean) / math.log(MID_GREY))


def equalise(image: BgrImage) -> BgrImage:
    """Equalise the histogram of luma (Y of YCrCb) and keep chroma."""
    ycc = cv2.cvtColor(image, cv2.COLOR_BGR2YCrCb)
    ycc[:, :, 0] = cv2.equalizeHist(ycc[:, :, 0])
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2BGR), np.uint8)


def clahe(image: BgrImage) -> BgrImage:
    """Apply contrast-limited adaptive equalisation to L of LAB, with clip limit 2 and 8 x 8 tiles.

    Source: Zuiderveld 1994, "Contrast limited adaptive histogram equalization".
    """
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB)
    lab[:, :, 0] = cv2.createCLAHE(CLIP_LIMIT, (TILES, TILES)).apply(np.ascontiguousarray(lab[:, :, 0]))
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2BGR), np.uint8)


def gamma_clahe(image: BgrImage) -> BgrImage:
    """Apply a gamma of 2.2, then CLAHE."""
    return clahe(gamma(image))


def retinex(image: BgrImage) -> BgrImage:
    """Apply multi-scale retinex with colour restoration, and stretch each channel to the full range.

    Sources: Jobson, Rahman, Woodell 1997, "A multiscale retinex for bridging the gap between color images and the human
    observation of scenes" (sigmas 15, 80 and 250 px, alpha 125). Instead of that paper's fixed numbers, the last step
    is the colour balance of Petro, Sbert, Morel 2014, "Multiscale retinex" (IPOL), 1 % at either end.
    """
    light = image.astype(np.float32) + 1
    surround = sum((cv2.log(wide_blur(light, sigma)) for sigma in RETINEX_SIGMAS_PX), np.zeros_like(light))
    reflectance = cv2.log(light) - surround / np.float32(len(RETINEX_SIGMAS_PX))
    colour = cv2.log(light * np.float32(RETINEX_ALPHA)) - cv2.log(light.sum(axis=2))[:, :, None]
    return _balanced(reflectance * colour)


def wide_blur(image: Floats, sigma_px: float) -> Floats:
    """Apply a Gaussian blur of any width in about constant time: wide ones run on a smaller picture."""
    height, width = image.shape[:2]
    factor = max(int(sigma_px / MAX_EXACT_SIGMA_PX), 1)
    size = (max(width // factor, 1), max(height // factor, 1))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if factor > 1 else image
    blurred = cv2.GaussianBlur(small, (0, 0), sigma_px * size[0] / width, sigmaY=sigma_px * size[1] / height)
    return np.asarray(
        cv2.resize(blurred, (width, height), interpolation=cv2.INTER_CUBIC) if factor > 1 else blurred, np.float32
    )


def _balanced(image: Floats) -> BgrImage:
    """Stretch each channel so that 1 % of its pixels clip at either end."""
    low, high = np.quantile(image[::2, ::2], (BALANCE_SHARE, 1 - BALANCE_SHARE), axis=(0, 1))  # of a quarter of the pixels
    scaled = (image - low.astype(np.float32)) * (255 / np.maximum(high - low, 1e-6)).astype(np.float32)
    return np.asarray(np.clip(np.rint(scaled), 0, 255), np.uint8)


BASELINES: Mapping[str, Callable[[BgrImage], BgrImage]] = MappingProxyType(
    {
        "gamma 2.2": gamma,
        "auto gamma": auto_gamma,
        "HE": equalise,
        "CLAHE": clahe,
        "gamma+CLAHE": gamma_clahe,
        "MSRCR": retinex,
        "LIME-like": lime,
        "fusion": exposure_fusion,
    }
)
