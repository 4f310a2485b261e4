"""Forward model of light and cameras in a mine: lamps, dust, exposure, sensor, JPEG.

Pure functions on linear-light or display-encoded float32 RGB; every random choice comes from the Generator passed in.
"""

from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe
from davy.imaging.lowlight.relight import darken, relight_as_mine

__all__ = ["DarkRecipe", "MineRecipe", "darken", "relight_as_mine"]
