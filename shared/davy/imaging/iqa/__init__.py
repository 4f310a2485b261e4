"""Image-quality measures on 8-bit BGR pictures: how near an enhanced picture is to a well-lit one, and what it costs."""

from davy.imaging.iqa.exposure import clipped_share, illumination_uniformity
from davy.imaging.iqa.flicker import flicker
from davy.imaging.iqa.loe import loe
from davy.imaging.iqa.noise import noise_gain, noise_level
from davy.imaging.iqa.psnr import psnr_db
from davy.imaging.iqa.ssim import ssim
from davy.imaging.iqa.vif import vif

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
