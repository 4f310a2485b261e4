"""The operator's dials."""

from dataclasses import dataclass, fields

from davy.domain.errors import InvalidInputError

CONTRAST_GAIN, MAX_CONTRAST, CONTRAST_FLOOR = 0.5, 2.0, 0.02  # exponent at full dial; stops; display units
NOISE_KEEP = 0.7  # fraction of the detail layer removed at full dial
NOISE_STOPS = 2.0  # stops of the noise map at full dial


@dataclass(frozen=True, slots=True)
class Dials:
    """Picture corrections by the operator; the defaults change nothing.

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
