"""Every strength of the batched forward model: ranges with their units, uniform between the ends unless said, and shares."""

from dataclasses import dataclass, field

from davy.imaging.lowlight.recipe import DarkRecipe, MineRecipe, Range


@dataclass(frozen=True, slots=True)
class AirRecipe:
    """Dust, glare and wet glass."""

    extinction_per_m: Range = (0.004, 0.14)  # logarithmic: 0.14 hides what is 10 m away
    coal_share: float = 0.5  # of dusts that are dark and brown; the others are of stone, light and grey
    coal_albedo: Range = (0.1, 0.4)
    stone_albedo: Range = (0.5, 1.2)
    clouds: float = 0.35  # relative deviation of the dust's density over the picture
    haze_extinction_per_m: Range = (0.015, 0.2)  # of well-lit hazy pictures, logarithmic
    airlight: Range = (0.5, 1.4)  # of hazy pictures, times their own mean light
    glare_share: float = 0.35  # of samples under veiling glare
    glare: Range = (0.02, 0.3)  # of all light is spread over the frame
    condensation_share: float = 0.06
    condensation: Range = (0.2, 0.8)  # most of what the wet glass covers


@dataclass(frozen=True, slots=True)
class CameraRecipe:
    """What a camera does after its sensor."""

    wdr_share: float = 0.55
    wdr: Range = (0.1, 0.7)  # exponent by which local brightness is evened
    wdr_reach: Range = (8.0, 40.0)  # px, logarithmic: what local is
    sharpen_share: float = 0.45
    sharpen: Range = (0.3, 1.8)
    chroma_share: float = 0.4
    chroma: Range = (0.005, 0.06)  # of [0, 1], logarithmic: blotches of colour where it is dark
    band_share: float = 0.6
    band: Range = (0.0004, 0.008)  # of white of linear light, logarithmic: rows that lie higher or lower
    shading_share: float = 0.5
    shading: Range = (0.3, 3.0)  # the lens's fall-off is corrected: the corners' noise and purple floor grow by so much
    colourless_share: float = 0.12  # infrared, or a monochrome camera
    codec_share: float = 0.6
    codec_step: Range = (3.0, 36.0)  # of 255, logarithmic: quantiser of 8 x 8 DCT coefficients
    rim_share: float = 0.04
    rim: Range = (0.85, 1.25)  # radius of a fisheye's picture, of half the picture's width
    text_share: float = 0.2


@dataclass(frozen=True, slots=True)
class Recipe:
    """Shares of kinds are of photographs; scenes that come with their raw picture keep it."""

    mine: MineRecipe = field(
        default_factory=lambda: MineRecipe(
            head_lamp_share=0.6, display_mean=(0.06, 0.42), tint_stops=(-0.15, 0.5), ambient=(0.005, 0.25)
        )
    )
    dark: DarkRecipe = field(
        default_factory=lambda: DarkRecipe(
            display_mean=(0.01, 0.16), cast_stops=(-0.5, 0.5), black_offset=(-0.001, 0.0008), gamma=(0.8, 1.7)
        )
    )  # a black level that is too high clips red and blue: the darkest photographs turn green
    air: AirRecipe = field(default_factory=AirRecipe)
    camera: CameraRecipe = field(default_factory=CameraRecipe)
    identity_share: float = 0.14  # clear and well lit: to be left alone
    hazy_share: float = 0.16  # well lit, but not clear
    dark_share: float = 0.32  # evenly dark
    plain_share: float = 0.5  # of evenly dark pictures whose camera neither sharpens nor encodes
    metered_mean: float = 0.46  # of [0, 1]: where truths of dark samples are brought to
    metering: float = 0.75  # of the way there, in stops
