"""Parameters of darkness, dust and noise: ranges with their units, uniform unless stated otherwise.

Fitted by eye and by histogram to underground frames (display mean 67 to 95, 5 % quantile 15 to 25 of 255, purple banded
dark) and to LOL (mean 7 to 23, noise about 1.1 of 255 at that level).
"""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class MineRecipe:
    """A roadway lit by a few lamps."""

    lamps: tuple[int, int] = (1, 3)  # count, both ends included
    display_mean: Range = (0.10, 0.38)  # of [0, 1]: the camera's metering
    head_lamp_share: float = 0.5  # share of pictures with a lamp at the camera, which lights the floor
    near_m: Range = (1.5, 3.0)  # depth at the picture's border
    far_m: Range = (8.0, 25.0)  # depth at the vanishing point
    lamp_m: Range = (1.5, 10.0)  # depth of the hanging lamps
    power_ratio: Range = (0.25, 1.0)  # of the second and third lamp to the first, logarithmic
    temperature_k: Range = (2600.0, 6500.0)
    spot_exponent: Range = (2.0, 24.0)  # of a head lamp's beam, logarithmic
    flood_exponent: Range = (1.0, 3.0)  # of a hanging lamp's beam; 1 is a flat glass (Lambert)
    radius_m: Range = (0.03, 0.10)  # of a hanging lamp's glass
    ambient: Range = (0.02, 0.3)  # of the mean lamp light, logarithmic: walls of albedo 0.2 reflect a quarter
    tint_stops: Range = (-0.15, 0.35)  # of green: LED lamps and coloured dust
    extinction_per_m: Range = (0.003, 0.08)  # dust, logarithmic; 0.08 is a face during cutting
    vignette: Range = (0.1, 0.6)
    full_well_e: Range = (400.0, 8000.0)  # at white, after gain; logarithmic
    read_noise: Range = (0.0003, 0.002)  # of white of linear light, logarithmic
    row_noise: Range = (0.0, 0.002)
    black_offset: Range = (0.0, 0.016)
    hot_share: Range = (0.0, 2e-4)
    grain_px: Range = (0.0, 0.8)
    jpeg_quality: tuple[int, int] = (40, 95)


# For a known depth the picture is a roadway with lamps along its depth, which light near walls little.
ROADWAY = MineRecipe(
    lamps=(1, 5), lamp_m=(2.0, 26.0), head_lamp_share=0.3, display_mean=(0.08, 0.25), power_ratio=(0.2, 1.0),
    ambient=(0.004, 0.08), extinction_per_m=(0.001, 0.03), temperature_k=(3000.0, 6000.0), tint_stops=(-0.1, 0.2),
    black_offset=(0.001, 0.012),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DarkRecipe:
    """An evenly dark photograph: underexposed in low light."""

    display_mean: Range = (0.012, 0.16)  # of [0, 1], logarithmic: 3 to 40 of 255
    gamma: Range = (0.9, 1.3)  # the camera's own curve on display values, before exposure
    cast_stops: Range = (-0.35, 0.35)  # per channel: wrong white balance
    saturation: Range = (0.6, 1.0)  # low light desaturates
    vignette: Range = (0.0, 0.3)
    full_well_e: Range = (800.0, 20000.0)  # logarithmic
    read_noise: Range = (0.0001, 0.0008)  # of white of linear light, logarithmic
    row_noise: Range = (0.0, 0.0002)
    black_offset: Range = (0.0, 0.0006)
    hot_share: Range = (0.0, 5e-5)
    grain_px: Range = (0.2, 1.0)
    jpeg_share: float = 0.5  # share of pictures encoded as JPEG; those of LOL are not
    jpeg_quality: tuple[int, int] = (50, 98)
