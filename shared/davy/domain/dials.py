"""The operator's dials, presets of them, and the local contrast that a neutral dial has."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Literal

from davy.domain.errors import InvalidInputError

CONTRAST_GAIN, MAX_CONTRAST, CONTRAST_FLOOR = 0.5, 2.0, 0.02  # exponent at full dial; stops; display units
# Local contrast without any dial, where the network lifts the light; see docs/decisions/0164.
LIFT_CONTRAST = 1.5  # of the dial, at a lift of LIFT_STOPS and more
LIFT_STOPS = 0.3
LIFT_SHADOWS = 0.3  # share of the contrast below the local mean: what is dark stays visible
LIT = 0.8  # display units: no gain drives luma above it, so that highlights do not burn out
NOISE_KEEP = 0.7  # fraction of the detail layer removed at full dial
NOISE_STOPS = 2.0  # stops of the noise map at full dial


@dataclass(frozen=True, slots=True)
class Dials:
    """Picture corrections by the operator, added to what the network chose; the defaults add nothing.

    brightness: -1 to 1: gamma of 2**-brightness after the tone curve; black and white stay.
    local_contrast: -1 to 1: contrast within regions of a sixteenth of the width, and fine detail.
    noise: -1 to 1: more keeps less detail and fewer row bands, less keeps all grain.
    colour: 0 to 2: 0 is monochrome, 2 doubles saturation.

    Raises:
        InvalidInputError: a dial is outside its range.
    """

    brightness: float = 0.0
    local_contrast: float = 0.0
    noise: float = 0.0
    colour: float = 1.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, least, most = getattr(self, field.name), *((0, 2) if field.name == "colour" else (-1, 1))
            if not least <= value <= most:
                raise InvalidInputError(f"{field.name.replace('_', ' ')} {value:g} is outside {least} to {most}")


NEUTRAL = Dials()
Preset = Literal["longwall dust", "heading", "conveyor", "night IR"]
PRESETS: Mapping[Preset, Dials] = MappingProxyType(
    {
        "longwall dust": Dials(local_contrast=0.6, noise=0.1),  # dust takes contrast, and light is plenty
        "heading": Dials(brightness=0.3, local_contrast=0.2, noise=0.2),  # cap lamps alone: the dark counts
        "conveyor": Dials(brightness=0.1, local_contrast=0.4, noise=-0.3),  # edges of rips and lumps move: no smoothing
        "night IR": Dials(brightness=0.2, local_contrast=0.2, noise=0.4, colour=0.0),
    }
)


def dials_of(
    preset: Preset | None = None,
    brightness: float | None = None,
    local_contrast: float | None = None,
    noise: float | None = None,
    colour: float | None = None,
) -> Dials:
    """A preset's dials, neutral without one; a dial that is given replaces the preset's.

    Raises:
        InvalidInputError: a dial is outside its range, or there is no such preset.
    """
    if preset is not None and preset not in PRESETS:
        raise InvalidInputError(f"no preset {preset!r}: choose from {', '.join(PRESETS)}")
    given = {"brightness": brightness, "local_contrast": local_contrast, "noise": noise, "colour": colour}
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(PRESETS[preset] if preset else NEUTRAL, **chosen)
