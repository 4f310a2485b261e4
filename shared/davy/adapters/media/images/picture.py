"""A still picture with what its file says besides pixels."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage


class ImageFormat(StrEnum):
    """A kind of image file; its value is the media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    BMP = "image/bmp"

    @property
    def suffixes(self) -> tuple[str, ...]:
        return _SUFFIXES[self]

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """The format that a file's name promises."""
        return next((kind for kind in cls if path.suffix.lower() in kind.suffixes), None)


_SUFFIXES = {
    ImageFormat.JPEG: (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg", ".pjp"),
    ImageFormat.PNG: (".png",),
    ImageFormat.WEBP: (".webp",),
    ImageFormat.TIFF: (".tif", ".tiff"),
    ImageFormat.BMP: (".bmp", ".dib"),
}


@dataclass(frozen=True, slots=True)
class Metadata:
    """All of it, as bytes that are passed on.

    Args:
        exif: A TIFF block that begins with "Exif\\0\\0", or empty.
        xmp: The XMP packet, or empty.
        icc: The colour profile of the pixels, empty for sRGB or unknown.
        dpi: Resolution in pixels per inch, horizontal and vertical, or None.
        photoshop: Image resource blocks ("8BIM"), which hold IPTC, or empty.
        comment: Of a JPEG.
        segments: Further application segments of a JPEG, whole.
        chunks: Text, time, gamma and primaries of a PNG: name and content.
        notes: What was left out in reading, one sentence each.
    """

    exif: bytes = field(default=b"", repr=False)
    xmp: bytes = field(default=b"", repr=False)
    icc: bytes = field(default=b"", repr=False)
    dpi: tuple[float, float] | None = None
    photoshop: bytes = field(default=b"", repr=False)
    comment: bytes = field(default=b"", repr=False)
    segments: bytes = field(default=b"", repr=False)
    chunks: tuple[tuple[bytes, bytes], ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """One still picture, upright.

    Args:
        pixels: BGR, shape (H, W, 3), uint8.
        format: of the file it came from.
        grey: the file had no colour: the three channels are equal, and one is written.
        alpha: opacity, shape (H, W), uint8, or None.
        lossless: the file keeps every pixel (PNG, TIFF, BMP, lossless WebP).
        metadata: What the file says besides pixels.
        notes: Deviations of the file that cost no pixel, one sentence each.
    """

    pixels: BgrImage
    format: ImageFormat
    grey: bool = False
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)
    lossless: bool = False
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    notes: tuple[str, ...] = ()
