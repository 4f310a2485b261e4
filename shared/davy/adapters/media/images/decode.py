"""Files to pixels. The header is read first, and refused there if need be; only then is a pixel decoded."""

import io
import struct
import zlib
from collections.abc import Callable, Collection

import numpy as np
from numpy.typing import NDArray
from PIL import BmpImagePlugin, ImageCms, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin
from PIL.Image import DecompressionBombError, Image
from PIL.ImageFile import ImageFile

from davy.adapters.media import jpeg
from davy.adapters.media.images.exif import set_upright
from davy.adapters.media.images.picture import ImageFormat, Picture
from davy.domain.errors import ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from davy.domain.frame import BgrImage

MAX_PIXELS = 64_000_000
WEB_FORMATS = (ImageFormat.JPEG, ImageFormat.PNG, ImageFormat.WEBP)
_MAX_SCANS = 100  # a progressive JPEG has about ten; thousands of empty ones cost minutes and a few kB

# Pillow's plugins let through whatever their parsing of hostile bytes meets.
_FOREIGN_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, EOFError, RuntimeError,
    AssertionError, MemoryError, struct.error, zlib.error,
)  # fmt: skip

# Opened by name: Image.open would ask every plugin, and warn by itself about sizes that are ours to judge.
_OPEN: dict[ImageFormat, Callable[[io.BytesIO], ImageFile]] = {
    ImageFormat.JPEG: JpegImagePlugin.JpegImageFile,
    ImageFormat.PNG: PngImagePlugin.PngImageFile,
    ImageFormat.WEBP: WebPImagePlugin.WebPImageFile,
    ImageFormat.TIFF: TiffImagePlugin.TiffImageFile,
    ImageFormat.BMP: BmpImagePlugin.BmpImageFile,
}
_OTHERS = {b"GIF8": "a GIF", b"%PDF": "a PDF", b"PK\x03\x04": "a zip archive", b"<": "an SVG or HTML text"}


def decode(data: bytes, formats: Collection[ImageFormat] = WEB_FORMATS, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode one still picture; the package's docstring has the table of what becomes of which kind.

    Raises:
        UnsupportedImageError: not a picture, or of a kind that is not in formats.
        ImageTooLargeError: the header says more than max_pixels; nothing was decoded.
        UnreadableImageError: empty, truncated or damaged.
    """
    kind = _sniff(data, formats)
    try:
        file = _OPEN[kind](io.BytesIO(data))
        _check_header(file, kind, data, max_pixels)
        return _read(file, kind, data)
    except DecompressionBombError as error:  # of plugins that judge the size themselves as they open a file
        raise ImageTooLargeError("more pixels than are ever read", f"{max_pixels / 1e6:g} megapixels") from error
    except UnreadableImageError:
        raise
    except _FOREIGN_ERRORS as error:
        raise UnreadableImageError(f"it is truncated or damaged ({error or type(error).__name__})") from error


def sniff(data: bytes) -> ImageFormat | None:
    """The format that the first bytes show, at least 12 of them; names and media types are not trusted."""
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
    return next((name for magic, name in _OTHERS.items() if data.startswith(magic)), "this file, which is no known picture,")


def _check_header(file: ImageFile, kind: ImageFormat, data: bytes, max_pixels: int) -> None:
    width, height = file.size
    if width * height > max_pixels:
        raise ImageTooLargeError(f"{width}x{height} pixels", f"{max_pixels / 1e6:g} megapixels")
    frames = getattr(file, "n_frames", 1)
    if frames > 1:
        raise UnsupportedImageError(f"{kind.name} with {frames} pictures", "them one by one, or as a video file")
    if file.mode in ("I", "F") or (kind is ImageFormat.TIFF and file.mode not in _TIFF_MODES):
        raise UnsupportedImageError(f"{kind.name} with samples of mode {file.mode!r}", "8 or 16 bits a sample, grey or RGB")
    if kind is ImageFormat.JPEG and data.count(b"\xff\xda") > _MAX_SCANS:
        raise UnreadableImageError(f"it has more than {_MAX_SCANS} scans")


_MAX_SAMPLE_VALUE = 281
_TIFF_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "I;16", "I;16B", "I;16L")


def _read(file: ImageFile, kind: ImageFormat, data: bytes) -> Picture:
    icc = file.info.get("icc_profile") or b""
    grey = file.mode in ("1", "L", "LA") or file.mode.startswith("I;16")
    if kind is ImageFormat.JPEG and file.mode in ("L", "RGB"):
        # Strict where Pillow is not: a damaged scan is refused instead of shown as grey bands.
        pixels, alpha = jpeg.decode(data, max_pixels=file.size[0] * file.size[1]), None
    else:
        pixels, alpha, icc = _load(file, icc)
    orientation, exif = _orientation(file, kind)
    return Picture(
        pixels=_turn(pixels, orientation),
        format=kind,
        grey=grey,
        alpha=None if alpha is None else _turn(alpha, orientation),
        lossless=kind is not ImageFormat.JPEG and not (kind is ImageFormat.WEBP and _is_lossy_webp(data)),
        exif=exif,
        icc=icc,
        dpi=_dpi(file),
        xmp=_xmp(file),
        notes=_notes(kind, data),
    )


def _xmp(file: ImageFile) -> bytes:
    xmp = file.info.get("xmp") or b""
    return xmp if isinstance(xmp, bytes) else b""


def _notes(kind: ImageFormat, data: bytes) -> tuple[str, ...]:
    lacks_end = kind is ImageFormat.JPEG and jpeg.lacks_end(data)
    return ("the file lacks its end marker; its picture is complete",) if lacks_end else ()


def _load(file: ImageFile, icc: bytes) -> tuple[BgrImage, NDArray[np.uint8] | None, bytes]:
    """Pixels, alpha, and the profile that fits the pixels now."""
    file.load()
    image: Image = file
    if image.mode.startswith("I;16"):
        return np.repeat(_eight_bits(np.asarray(image), _declared_bits(file))[..., None], 3, axis=2), None, icc
    if image.mode == "CMYK":
        image, icc = _to_srgb(image, icc), b""
    has_alpha = image.has_transparency_data
    rgb = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
    pixels = np.ascontiguousarray(rgb[..., 2::-1])
    return pixels, np.ascontiguousarray(rgb[..., 3]) if has_alpha else None, icc


def _declared_bits(file: ImageFile) -> int:
    """Significant bits of a sample by the header: TIFF's MaxSampleValue; 0 where it says nothing.

    Source: TIFF 6.0, section 8.
    """
    tags = getattr(file, "tag_v2", None)
    highest = tags.get(_MAX_SAMPLE_VALUE) if tags is not None else None
    if isinstance(highest, tuple):
        highest = max(highest, default=None)
    return int(highest).bit_length() if isinstance(highest, int) and 255 < highest < 65_535 else 0


def _eight_bits(samples: NDArray[np.uint16], declared: int = 0) -> NDArray[np.uint8]:
    """The upper 8 of the significant bits.

    Machine-vision cameras store 10, 12 or 14 bits in the lower bits of 16. Without a header that says so, the highest sample
    decides: 12 bits if none is above 4,095. A dark picture of 16 bits seems to have fewer then, and comes out brighter.
    """
    highest = int(samples.max(initial=0))
    bits = max(declared or 8, highest.bit_length())
    if not declared:
        bits = next(known for known in (10, 12, 14, 16) if bits <= known)
    return (samples >> (bits - 8)).astype(np.uint8)


def _to_srgb(image: Image, icc: bytes) -> Image:
    if icc:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            assert converted is not None  # None is for inPlace only
            return converted
        except (ImageCms.PyCMSError, OSError):
            pass  # a broken profile is no reason to refuse the picture: without one it is converted below
    return image.convert("RGB")


def _orientation(file: ImageFile, kind: ImageFormat) -> tuple[int, bytes]:
    if kind is ImageFormat.TIFF:  # its own tags are its EXIF; Pillow has applied orientation while loading
        return 1, b""
    exif = file.info.get("exif") or b""
    return set_upright(exif) if exif else (1, b"")


def _turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Undo an EXIF orientation: what is stored becomes what is meant."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _is_lossy_webp(data: bytes) -> bool:
    offset = 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        if name in (b"VP8 ", b"VP8L"):
            return bool(name == b"VP8 ")
        offset += 8 + size + size % 2
    return True


def _dpi(file: ImageFile) -> tuple[float, float] | None:
    try:
        x, y = (float(value) for value in file.info["dpi"])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < 1e5 and 0 < y < 1e5 else None
