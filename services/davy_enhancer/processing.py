"""One picture, file to file: decode, enhance, encode. Runs in a worker's thread."""

import time
from dataclasses import dataclass, field

import numpy as np

from davy.adapters.media.images import WEB_FORMATS, ImageFormat, decode, encode
from davy.domain.ports import ImageEnhancer
from davy.files import enhance_picture
from davy_enhancer.negotiation import Preferences, choose

ANY_FORMAT: Preferences = dict.fromkeys(WEB_FORMATS, 1.0)


@dataclass(frozen=True, slots=True)
class EnhanceRequest:
    """What a client wants done to one picture.

    Args:
        image: a JPEG, PNG or WebP file.
        strength: 0 (identity) to 1.
        quality: 1 to 100, of lossy output.
        formats: what the client takes.
        max_pixels: larger pictures are refused.
    """

    image: bytes = field(repr=False)
    strength: float = 1.0
    quality: int = 90
    formats: Preferences = field(default_factory=lambda: ANY_FORMAT)
    max_pixels: int = 64_000_000


@dataclass(frozen=True, slots=True)
class Enhanced:
    """The answer: a file, and how long each stage took in seconds."""

    image: bytes = field(repr=False)
    format: ImageFormat
    model: str
    stages_s: dict[str, float]


def process_request(enhancer: ImageEnhancer, wish: EnhanceRequest) -> Enhanced:
    """Do it.

    Raises:
        InvalidInputError: of the kind that says what is wrong with the picture.
    """
    times = [time.perf_counter()]
    picture = decode(wish.image, max_pixels=wish.max_pixels)
    times.append(time.perf_counter())
    better = enhance_picture(enhancer, picture, wish.strength)
    times.append(time.perf_counter())
    kind = choose(wish.formats, picture.format)
    image = encode(better, kind, wish.quality)
    times.append(time.perf_counter())
    stages = zip(("decode", "enhance", "encode"), np.diff(times).tolist(), strict=True)
    return Enhanced(image, kind, enhancer.model, dict(stages))
