"""Decode picture files. The header is checked before any pixel is decoded."""

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.Image import DecompressionBombError, Image
from PIL.ImageFile import ImageFile

from davy.adapters.media import jpeg
from davy.adapters.media.images.depth import eight_bits, is_deep_colour, load_deep_colour
from davy.adapters.media.images.exif import set_upright
from davy.adapters.media.images.metadata import exif_of_jpeg, read_metadata
from davy.adapters.media.images.picture import ImageFormat, Picture
from davy.adapters.media.images.png import readable
from davy.adapters.media.orientation import upright
from davy.domain.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from davy.domain.frame import BgrImage

MAX_PIXELS = 64_000_000
WEB_FORMATS = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP)
_MAX_SCANS = 100  # a progressive JPEG has about ten; thousands of empty ones take minutes

# Pillow's plugins raise many kinds of errors for invalid bytes.
_FOREIGN_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, RuntimeError,
    AssertionError, MemoryError, struct.error, zlib.error, UserWarning,
)  # fmt: skip

# Its warnings on stderr lack the name of the file; `Picture.notes` and errors replace them.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# Image.open would try every plugin, with its own limits of the size.
_OPEN: dict[ImageFormat, Callable[[io.BytesIO], ImageFile]] = {
    ImageFormat.JPEG: JpegImagePlugin.JpegImageFile,
    ImageFormat.PNG: PngImagePlugin.PngImageFile,
    ImageFormat.WEBP: WebPImagePlugin.WebPImageFile,
    ImageFormat.TIFF: TiffImagePlugin.TiffImageFile,
    ImageFormat.BMP: BmpImagePlugin.BmpImageFile,
}
_OTHERS = {b"GIF8": "a GIF", b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"<": "an SVG or HTML text"}


def decode(data: bytes, formats: Collection[ImageFormat] = WEB_FORMATS, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode one still picture by the rules in the docstring of the package.

    Raises:
        UnsupportedImageError: not a picture, or in a format that is not in formats.
        ImageTooLargeError: the header has more than max_pixels.
        UnreadableImageError: empty, truncated or damaged.
    """
    kind = _sniff(data, formats)
    try:
        plain, notes = readable(data) if kind is ImageFormat.PNG else (data, ())
        file = _OPEN[kind](io.BytesIO(plain))
        _check_header(file, kind, data, max_pixels)
        picture = _read(file, kind, plain, data)
        return replace(picture, notes=(*picture.notes, *notes))
    except DecompressionBombError as error:  # from plugins with their own limit
        raise ImageTooLargeError("more pixels than the limit", f"{max_pixels / 1e6:g} megapixels") from error
    except UnreadableImageError:
        raise
    except _FOREIGN_ERRORS as error:
        detail = f" ({error})" if " " in str(error) else ""  # some errors are a number, or the name of a key
        raise UnreadableImageError(f"it is truncated or damaged{detail}") from error


def orientation_of_jpeg(data: bytes) -> int:
    """Read the EXIF orientation of a JPEG, 1 to 8, from its header; 1 if the EXIF block is damaged."""
    try:
        return set_upright(exif_of_jpeg(data))[0]
    except _FOREIGN_ERRORS:
        return 1


def sniff(data: bytes) -> ImageFormat | None:
    """Detect the format from the first bytes, at least 12; names and media types are ignored."""
    if data.startswith(b"\xff\xd8\xff"):
        return ImageFormat.JPEG
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageFormat.PNG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImageFormat.WEBP
    if data.startswith((b"II*\0", b"MM\0*")):
        return ImageFormat.TIFF
    return ImageFormat.BMP if data.startswith(b"BM") else None


def _sniff(data: bytes, formats: Collection[ImageFormat]) -> ImageFormat:
    if not data:
        raise UnreadableImageError("it is empty")
    kind = sniff(data)
    if kind is None or kind not in formats:
        raise UnsupportedImageError(kind.name if kind else _name_other(data), " or ".join(known.name for known in formats))
    return kind


def _name_other(data: bytes) -> str:
    if data[4:8] == b"ftyp":
        return "a video, AVIF or HEIC file"
    return next((name for magic, name in _OTHERS.items() if data.startswith(magic)), "this file of an unknown format")


def _check_header(file: ImageFile, kind: ImageFormat, data: bytes, max_pixels: int) -> None:
    width, height = file.size
    if width * height > max_pixels:
        raise ImageTooLargeError(f"{width}x{height} pixels", f"{max_pixels / 1e6:g} megapixels")
    frames = getattr(file, "n_frames", 1)
    if frames > 1:
        raise UnsupportedImageError(f"{kind.name} with {frames} pictures", "single pictures, or a video file")
    if file.mode in ("I", "F") or (kind is ImageFormat.TIFF and file.mode not in _TIFF_MODES):
        raise UnsupportedImageError(f"{kind.name} with samples of mode {file.mode!r}", "8 or 16 bits per sample, grey or RGB")
    if kind is ImageFormat.JPEG and data.count(b"\xff\xda") > _MAX_SCANS:
        raise UnreadableImageError(f"it has more than {_MAX_SCANS} scans")


_TIFF_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L")


def _read(file: ImageFile, kind: ImageFormat, plain: bytes, data: bytes) -> Picture:
    grey = file.mode in ("1", "L", "LA") or file.mode.startswith("I;16")
    loaded = _load(file, kind, plain)
    orientation, metadata = read_metadata(file, kind, data)
    return Picture(
        pixels=upright(loaded.pixels, orientation),
        format=kind,
        grey=grey,
        alpha=None if loaded.alpha is None else upright(loaded.alpha, orientation),
        lossless=kind is not ImageFormat.JPEG and not (kind is ImageFormat.WEBP and _is_lossy_webp(data)),
        metadata=replace(metadata, icc=b"") if loaded.in_srgb else metadata,
        notes=(*_notes(kind, data), *loaded.notes, *metadata.notes),
    )


def _notes(kind: ImageFormat, data: bytes) -> tuple[str, ...]:
    lacks_end = kind is ImageFormat.JPEG and jpeg.lacks_end(data)
    return ("the file lacks its end marker; its picture is complete",) if lacks_end else ()


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Pixels as stored; in_srgb: converted to sRGB, so that the profile of the file no longer applies."""

    pixels: BgrImage
    alpha: NDArray[np.uint8] | None = None
    in_srgb: bool = False
    notes: tuple[str, ...] = ()


def _load(file: ImageFile, kind: ImageFormat, data: bytes) -> _Loaded:
    if kind is ImageFormat.JPEG and file.mode in ("L", "RGB"):
        # Unlike Pillow, this rejects a damaged scan, which would be grey.
        return _Loaded(jpeg.decode(data, max_pixels=file.size[0] * file.size[1]))
    if is_deep_colour(file):
        samples, notes = eight_bits(load_deep_colour(_OPEN[kind], data), file)
        return _Loaded(np.ascontiguousarray(samples[..., ::-1]), notes=notes)
    file.load()
    image: Image = file
    if image.mode.startswith("I;16"):
        samples, notes = eight_bits(np.asarray(image), file)
        return _Loaded(np.repeat(samples[..., None], 3, axis=2), notes=notes)
    in_srgb = image.mode == "CMYK"
    if in_srgb:
        image = _to_srgb(image, file.info.get("icc_profile") or b"")
    has_alpha = image.has_transparency_data
    rgb = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
    alpha = np.ascontiguousarray(rgb[..., 3]) if has_alpha else None
    return _Loaded(np.ascontiguousarray(rgb[..., 2::-1]), alpha, in_srgb)


def _to_srgb(image: Image, icc: bytes) -> Image:
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            assert converted is not None  # None is for inPlace only
            return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # with a broken profile, the conversion below is used
    return image.convert("RGB")


def _is_lossy_webp(data: bytes) -> bool:
    offset = 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        if name in (b"VP8 ", b"VP8L"):
            return bool(name == b"VP8 ")
        offset += 8 + size + size % 2
    return True
