"""One picture, file to file: decode, enhance, encode. Runs in a worker's thread."""

import time
from dataclasses import dataclass, field

import numpy as np

from davy.adapters.media.images import WEB_FORMATS, ImageFormat, decode, encode, left_out
from davy.domain.dials import NEUTRAL, Dials
from davy.domain.errors import ImageTooLargeError
from davy.domain.ports import ImageEnhancer
from davy.files import enhance_picture
from davy_enhancer.negotiation import Preferences, choose

ANY_FORMAT: Preferences = dict.fromkeys(WEB_FORMATS, 1.0)


@dataclass(frozen=True, slots=True)
class EnhanceRequest:
    """A request to enhance one image.

    Args:
        image: A JPEG, PNG or WebP file.
        strength: 0 (identity) to 1.
        dials: The operator's corrections.
        quality: 1 to 100, for lossy output.
        formats: Formats that the client accepts.
        max_pixels: Larger images are rejected.
    """

    image: bytes = field(repr=False)
    strength: float = 1.0
    quality: int = 90
    formats: Preferences = field(default_factory=lambda: ANY_FORMAT)
    max_pixels: int = 64_000_000
    dials: Dials = NEUTRAL


@dataclass(frozen=True, slots=True)
class Enhanced:
    """An enhanced image file, with the duration of each step in s and notes on the input."""

    image: bytes = field(repr=False)
    format: ImageFormat
    model: str
    durations_s: dict[str, float]
    notes: tuple[str, ...] = ()


def process_request(enhancer: ImageEnhancer, request: EnhanceRequest) -> Enhanced:
    """Decode, enhance and encode one image.

    Raises:
        InvalidInputError: the image is unusable; the class has the reason.
    """
    times = [time.perf_counter()]
    try:
        picture = decode(request.image, max_pixels=request.max_pixels)
    except ImageTooLargeError as error:
        hint = f"{error.limit} here (DAVY_ENHANCER_MAX_MEGAPIXELS); the command davy enhance takes 256 megapixels"
        raise ImageTooLargeError(error.found, hint) from error
    times.append(time.perf_counter())
    better = enhance_picture(enhancer, picture, request.strength, request.dials)
    times.append(time.perf_counter())
    kind = choose(request.formats, picture.format)
    image = encode(better, kind, request.quality)
    times.append(time.perf_counter())
    steps = zip(("decode", "enhance", "encode"), np.diff(times).tolist(), strict=True)
    return Enhanced(image, kind, enhancer.model, dict(steps), (*picture.notes, *left_out(better, kind)))
