"""The forward model of a mine's light for whole batches, in torch on any device.

`davy.imaging.lowlight` makes single pictures with numpy and is what benches use. This one is several times as fast and
knows more of what mine cameras do: dust that scatters, glare, infrared, codecs, sharpening, wide dynamic range, text, rims.
"""

from davy.imaging.lowlight.batched.degrade import Degraded, degrade
from davy.imaging.lowlight.batched.recipe import Recipe

__all__ = ["Degraded", "Recipe", "degrade"]
