"""A still picture with the metadata of its file."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage


class ImageFormat(StrEnum):
    """A format of picture files; the value is the media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    TIFF = "image/tiff"
    BMP = "image/bmp"

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Suffixes of file names."""
        return _SUFFIXES[self]

    @classmethod
    def of(cls, path: Path) -> Self | None:
        """The format by the suffix of a file."""
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
    r"""Metadata of a file, as unchanged bytes.

    Args:
        exif: A TIFF block with the prefix "Exif\0\0", or empty.
        xmp: The XMP packet, or empty.
        icc: The colour profile of the pixels, empty for sRGB or unknown.
        dpi: Resolution in pixels per inch, horizontal and vertical, or None.
        photoshop: Image resource blocks ("8BIM"), which hold IPTC, or empty.
        comment: Comment of a JPEG.
        segments: Further complete application segments of a JPEG.
        chunks: Text, time, gamma and primaries of a PNG: name and content.
        notes: Metadata that was left out while reading, one sentence each.
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
        format: Format of the source file.
        grey: The file is grey: the three channels are equal, and one is written.
        alpha: Opacity, shape (H, W), uint8, or None.
        lossless: The format is lossless (PNG, TIFF, BMP, lossless WebP).
        metadata: Metadata of the file.
        notes: Deviations of the file that do not affect the pixels, one sentence each.
    """

    pixels: BgrImage
    format: ImageFormat
    grey: bool = False
    alpha: NDArray[np.uint8] | None = field(default=None, repr=False)
    lossless: bool = False
    metadata: Metadata = field(default_factory=Metadata, repr=False)
    notes: tuple[str, ...] = ()
