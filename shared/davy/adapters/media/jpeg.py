"""JPEG by libjpeg-turbo: strict in, bounded out. The header is read before a single pixel is."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import simplejpeg

from davy.adapters.media import planes, turbojpeg
from davy.domain.errors import FrameTooLargeError, ImageTooLargeError, ShapeError, UnreadableImageError
from davy.domain.frame import MAX_JPEG_BYTES, BgrImage, Pixels, YuvImage

_Decoded = TypeVar("_Decoded")

MAX_PIXELS = 64_000_000  # 192 MB as BGR
MAX_SIDE = 65_500  # of libjpeg
LOWEST_QUALITY = 10
_START_OF_IMAGE, _END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
_GREY_LEVEL = 128  # libjpeg fills blocks that never came with it
_YUV420, _GREY = ("YCbCr", "420"), ("Gray", "Gray")
_PLANAR = (_YUV420, _GREY)


def encode(image: Pixels, quality: int = 85, max_bytes: int = MAX_JPEG_BYTES) -> bytes:
    """Write a baseline JPEG, 4:2:0, at `quality` or as far below it as max_bytes needs.

    Args:
        image: Planes, which go into the file as they are, or BGR, shape (H, W, 3), uint8.
        quality: 1 to 100.
        max_bytes: Of the whole file.

    Raises:
        FrameTooLargeError: not even quality 10 fits.
        ShapeError: image is not (H, W, 3) uint8, or a side is 0 or over 65,500 pixels.
    """
    ready = _checked(image)
    while True:
        data = _written(ready, quality)
        if len(data) <= max_bytes:
            return data
        if quality <= LOWEST_QUALITY:
            raise FrameTooLargeError(len(data), max_bytes)
        quality = max(LOWEST_QUALITY, min(quality - 5, int(quality * (max_bytes / len(data)) ** 0.7)))


def _checked(image: Pixels) -> Pixels:
    sides = image.y.shape if isinstance(image, YuvImage) else image.shape[:2]
    if len(sides) != 2 or not 0 < min(sides) <= max(sides) <= MAX_SIDE:
        raise ShapeError("image", sides, "(H, W), both from 1 to 65500")
    if isinstance(image, YuvImage):
        return planes.bordered(planes.in_rows(planes.to_full(image)))
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError("image", image.shape, "(H, W, 3), H and W from 1 to 65500")
    return np.ascontiguousarray(image, dtype=np.uint8)


def _written(image: Pixels, quality: int) -> bytes:
    # 4:2:0 costs 2.3 ms at 720p where 4:4:4 costs 5.3 ms and 1.5 times the bytes; from planes a fifth less (measured)
    data: bytes = (
        simplejpeg.encode_jpeg_yuv_planes(image.y, image.u, image.v, quality)
        if isinstance(image, YuvImage)
        else simplejpeg.encode_jpeg(image, quality, "BGR", "420")
    )
    return data


def size_of(data: bytes) -> tuple[int, int]:
    """(width, height) in pixels from the header alone.

    Raises:
        UnreadableImageError: data is not a JPEG.
    """
    return _header(data)[:2]


def is_planar(data: bytes) -> bool:
    """Whether planes lose nothing of the file: it is 4:2:0 or grey. Raises the same as `size_of`."""
    return _header(data)[2] in _PLANAR


def _header(data: bytes) -> tuple[int, int, tuple[str, str]]:
    """Width, height, and colour space with subsampling."""
    if not data:
        raise UnreadableImageError("it is empty")
    if bytes(data[:2]) != _START_OF_IMAGE:
        raise UnreadableImageError("it is not a JPEG")
    try:
        height, width, space, sampling = simplejpeg.decode_jpeg_header(data)
    except ValueError as error:
        raise UnreadableImageError(f"its JPEG header is broken ({error})") from error
    return width, height, (space, sampling)


def decode(data: bytes, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Read a JPEG, baseline or progressive; grey and CMYK become BGR. EXIF orientation is not applied.

    A file that lacks nothing but its end-of-image marker is read (see `lacks_end`).

    Returns:
        BGR, shape (H, W, 3), uint8.

    Raises:
        UnreadableImageError: data is not a JPEG, is truncated, or is damaged so that libjpeg notices.
        ImageTooLargeError: it has more than max_pixels; found out from the header, in microseconds.
    """
    _check_size(_header(data), max_pixels)
    return _decoded(data, "BGR")


def decode_yuv(data: bytes, max_pixels: int = MAX_PIXELS) -> YuvImage:
    """Read a JPEG to planes: those of a 4:2:0 file as they are, without a conversion; grey ones with colourless chroma; the
    chroma of others (4:4:4, 4:2:2, RGB, CMYK) is averaged over 2 x 2 pixels. Raises the same as `decode`.
    """
    header = _header(data)
    _check_size(header, max_pixels)
    if header[2] == _YUV420 and turbojpeg.available():
        return _tolerant(data, lambda whole: turbojpeg.decode_planes(whole, *header[:2]))
    if header[2] == _GREY:
        return planes.from_luma(_decoded(data, "GRAY")[:, :, 0])
    # without TurboJPEG, 4:2:0 goes through BGR: chroma repeated over 2 x 2 comes back as it was, but for rounding
    return planes.from_bgr(_decoded(data, "BGR", fastupsample=header[2] == _YUV420))


def _check_size(header: tuple[int, int, tuple[str, str]], max_pixels: int) -> None:
    width, height, _ = header
    if width * height > max_pixels:
        raise ImageTooLargeError(f"{width}x{height} pixels", f"{max_pixels:,} pixels")


def lacks_end(data: bytes) -> bool:
    """Return whether a JPEG lacks its last two bytes, the end-of-image marker; some cameras and recorders drop them.

    Zero bytes after the marker are padding.
    """
    return not bytes(data[-65_536:]).rstrip(b"\0").endswith(_END_OF_IMAGE)


def _decoded(data: bytes, space: str, **options: bool | int) -> BgrImage:
    def read(whole: bytes) -> BgrImage:
        try:
            pixels: BgrImage = simplejpeg.decode_jpeg(whole, space, strict=True, **options)
        except ValueError as error:
            raise UnreadableImageError(str(error)) from error
        return pixels

    return _tolerant(data, read)


def _tolerant(data: bytes, read: Callable[[bytes], _Decoded]) -> _Decoded:
    """Read a file; where it lacks its end marker, read it with one. libjpeg still notices blocks that are missing then."""
    try:
        return read(data)
    except UnreadableImageError:
        if not lacks_end(data):
            raise
    marker = _END_OF_IMAGE[1:] if data[-1:] == _END_OF_IMAGE[:1] else _END_OF_IMAGE
    try:
        return read(bytes(data) + marker)
    except UnreadableImageError as error:
        raise UnreadableImageError(f"it is truncated: {_missing(data)}") from error


def _missing(data: bytes) -> str:
    """Name the part that a truncated file lacks."""
    try:
        luma = simplejpeg.decode_jpeg(data, "GRAY", strict=False)[:, :, 0]
    except ValueError:
        return "it ends before its pixels begin"
    present = np.flatnonzero((luma != _GREY_LEVEL).any(axis=1))
    rows = len(luma) - 1 - int(present[-1]) if present.size else len(luma)
    return f"the last {rows} of {len(luma)} rows are missing" if rows else "it ends before its last scan is complete"


def decode_reduced(data: bytes, min_width: int, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Read a JPEG at the smallest of libjpeg's scales (1/2, 1/4, 1/8 or none) that is at least min_width wide: a fraction of
    the time of a whole decode, and enough to look for something in it.

    Returns and raises the same as `decode`.
    """
    header = _header(data)
    _check_size(header, max_pixels)
    width = min(min_width, header[0])
    return _decoded(data, "BGR", fastdct=True, fastupsample=True, min_height=1, min_width=width, min_factor=1)
