"""Forward model of light and cameras in a mine: lamps, dust, exposure, sensor, JPEG.

Pure functions on linear-light or display-encoded float32 RGB; the given Generator makes every random choice.
"""

from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe
from davy.imaging.lowlight.relight import darken, relight_as_mine

__all__ = ["DarkRecipe", "MineRecipe", "darken", "relight_as_mine"]
