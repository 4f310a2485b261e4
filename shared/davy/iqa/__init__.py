"""Image-quality measures on 8-bit BGR pictures: how near an enhanced picture is to a well-lit one, and what it costs."""

from davy.iqa.exposure import clipped_share, illumination_uniformity
from davy.iqa.flicker import flicker
from davy.iqa.loe import loe
from davy.iqa.noise import noise_gain, noise_level
from davy.iqa.psnr import psnr_db
from davy.iqa.ssim import ssim
from davy.iqa.vif import vif

__all__ = [
    "clipped_share",
    "flicker",
    "illumination_uniformity",
    "loe",
    "noise_gain",
    "noise_level",
    "psnr_db",
    "ssim",
    "vif",
]
