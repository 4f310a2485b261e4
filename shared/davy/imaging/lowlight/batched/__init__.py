"""The forward model of a mine's light for whole batches, in torch on any device.

`davy.imaging.lowlight` processes single pictures with NumPy, for benchmarks. This model is several times as fast and covers
more effects of mine cameras: scattering dust, glare, infrared, codecs, sharpening, wide dynamic range, text, fisheye rims.
"""

from davy.imaging.lowlight.batched.degrade import Degraded, degrade
from davy.imaging.lowlight.batched.recipe import Recipe

__all__ = ["Degraded", "Recipe", "degrade"]
