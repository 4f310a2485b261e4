"""Parameters of the batched forward model: ranges with their units, uniform unless stated otherwise, and shares."""

from dataclasses import dataclass, field

from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe, Range


@dataclass(frozen=True, slots=True)
class AirRecipe:
    """Dust, glare and wet glass."""

    extinction_per_m: Range = (0.004, 0.14)  # logarithmic; 0.14 hides objects at 10 m
    coal_share: float = 0.5  # share of coal dust, dark and brown; the rest is stone dust, light and grey
    coal_albedo: Range = (0.1, 0.4)
    stone_albedo: Range = (0.5, 1.2)
    clouds: float = 0.35  # relative deviation of the dust's density over the picture
    haze_extinction_per_m: Range = (0.015, 0.2)  # of well-lit hazy pictures, logarithmic
    airlight: Range = (0.5, 1.4)  # of hazy pictures, times their own mean light
    glare_share: float = 0.35  # share of samples with veiling glare
    glare: Range = (0.02, 0.3)  # share of scattered light
    condensation_share: float = 0.06
    condensation: Range = (0.2, 0.8)  # maximum opacity of the wet glass


@dataclass(frozen=True, slots=True)
class CameraRecipe:
    """A camera's processing after its sensor."""

    wdr_share: float = 0.55
    wdr: Range = (0.1, 0.7)  # exponent that equalises local brightness
    wdr_radius: Range = (8.0, 40.0)  # px, logarithmic
    sharpen_share: float = 0.45
    sharpen: Range = (0.3, 1.8)
    chroma_share: float = 0.4
    chroma: Range = (0.005, 0.06)  # of [0, 1], logarithmic: colour blotches in the dark
    band_share: float = 0.6
    band: Range = (0.0004, 0.008)  # of white of linear light, logarithmic: offsets of rows
    shading_share: float = 0.5
    shading: Range = (0.3, 3.0)  # gain of noise and purple floor in the corners, by correction of the lens's fall-off
    colourless_share: float = 0.12  # infrared, or a monochrome camera
    codec_share: float = 0.6
    codec_step: Range = (3.0, 36.0)  # of 255, logarithmic: quantiser of 8 x 8 DCT coefficients
    rim_share: float = 0.04
    rim: Range = (0.85, 1.25)  # radius of a fisheye's picture, of half the picture's width
    text_share: float = 0.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """Complete recipe; the shares of kinds apply to photographs, scenes with a raw picture keep it."""

    mine: MineRecipe = field(
        default_factory=lambda: MineRecipe(
            head_lamp_share=0.6, display_mean=(0.06, 0.42), tint_stops=(-0.15, 0.5), ambient=(0.005, 0.25)
        )
    )
    dark: DarkRecipe = field(
        default_factory=lambda: DarkRecipe(
            display_mean=(0.01, 0.16), cast_stops=(-0.5, 0.5), black_offset=(-0.001, 0.0008), gamma=(0.8, 1.7)
        )
    )  # a higher black level would clip red and blue, and turn the darkest photographs green
    air: AirRecipe = field(default_factory=AirRecipe)
    camera: CameraRecipe = field(default_factory=CameraRecipe)
    identity_share: float = 0.14  # clear and well lit: unchanged
    hazy_share: float = 0.16  # well lit, but hazy
    dark_share: float = 0.32  # evenly dark
    plain_share: float = 0.5  # share of evenly dark pictures without sharpening and encoding
    metered_mean: float = 0.46  # of [0, 1]: mean to which the ground truth of dark samples is exposed
    metering: float = 0.75  # share of the way to metered_mean, in stops
