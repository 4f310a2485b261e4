"""JPEG by libjpeg-turbo: strict decoding, and encoding with a size limit. The header is checked before decoding."""

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
MIN_QUALITY = 10
_START_OF_IMAGE, _END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
_GREY_LEVEL = 128  # libjpeg's value of missing blocks
_YUV420, _GREY = ("YCbCr", "420"), ("Gray", "Gray")
_PLANAR = (_YUV420, _GREY)


def encode(image: Pixels, quality: int = 85, max_bytes: int = MAX_JPEG_BYTES) -> bytes:
    """Encode a baseline JPEG, 4:2:0, at `quality`, or lower if max_bytes requires it.

    Args:
        image: Planes, which are not converted, or BGR, shape (H, W, 3), uint8.
        quality: 1 to 100.
        max_bytes: Maximum size of the file.

    Raises:
        FrameTooLargeError: the file is too large even at quality 10.
        ShapeError: image is not (H, W, 3) uint8, or a side is 0 or over 65,500 pixels.
    """
    ready = _checked(image)
    while True:
        data = _compressed(ready, quality)
        if len(data) <= max_bytes:
            return data
        if quality <= MIN_QUALITY:
            raise FrameTooLargeError(len(data), max_bytes)
        quality = max(MIN_QUALITY, min(quality - 5, int(quality * (max_bytes / len(data)) ** 0.7)))


def _checked(image: Pixels) -> Pixels:
    sides = image.y.shape if isinstance(image, YuvImage) else image.shape[:2]
    if len(sides) != 2 or not 0 < min(sides) <= max(sides) <= MAX_SIDE:
        raise ShapeError("image", sides, "(H, W), both from 1 to 65500")
    if isinstance(image, YuvImage):
        return planes.pad_odd_sides(planes.with_contiguous_rows(planes.to_full(image)))
    if image.ndim != 3 or image.shape[2] != 3:
        raise ShapeError("image", image.shape, "(H, W, 3), H and W from 1 to 65500")
    return np.ascontiguousarray(image, dtype=np.uint8)


def _compressed(image: Pixels, quality: int) -> bytes:
    # at 720p, 4:2:0 takes 2.3 ms, 4:4:4 takes 5.3 ms and 1.5 times the bytes; planes save a fifth (measured)
    data: bytes = (
        simplejpeg.encode_jpeg_yuv_planes(image.y, image.u, image.v, quality)
        if isinstance(image, YuvImage)
        else simplejpeg.encode_jpeg(image, quality, "BGR", "420")
    )
    return data


def size_of(data: bytes) -> tuple[int, int]:
    """Read (width, height) in pixels from the header.

    Raises:
        UnreadableImageError: data is not a JPEG.
    """
    return _header(data)[:2]


def is_planar(data: bytes) -> bool:
    """Whether decoding to planes is lossless: 4:2:0 or grey. Raises the same errors as `size_of`."""
    return _header(data)[2] in _PLANAR


def _header(data: bytes) -> tuple[int, int, tuple[str, str]]:
    """Read width, height, and colour space with subsampling."""
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
    """Decode a baseline or progressive JPEG; grey and CMYK become BGR. EXIF orientation is not applied.

    A missing end-of-image marker is tolerated (see `lacks_end`).

    Returns:
        BGR, shape (H, W, 3), uint8.

    Raises:
        UnreadableImageError: data is not a JPEG, is truncated, or is damaged so that libjpeg notices.
        ImageTooLargeError: the header has more than max_pixels.
    """
    _check_size(_header(data), max_pixels)
    return _decoded(data, "BGR")


def decode_yuv(data: bytes, max_pixels: int = MAX_PIXELS) -> YuvImage:
    """Decode a JPEG to planes.

    4:2:0 needs no conversion, grey gets neutral chroma, and the chroma of others (4:4:4, 4:2:2, RGB, CMYK) is averaged over
    2 x 2 pixels. Raises the same errors as `decode`.
    """
    header = _header(data)
    _check_size(header, max_pixels)
    if header[2] == _YUV420 and turbojpeg.available():
        return _tolerant(data, lambda file: turbojpeg.decode_planes(file, *header[:2]))
    if header[2] == _GREY:
        return planes.from_luma(_decoded(data, "GRAY")[:, :, 0])
    # without TurboJPEG, 4:2:0 goes through BGR: chroma repeated over 2 x 2 is recovered except for rounding
    return planes.from_bgr(_decoded(data, "BGR", fastupsample=header[2] == _YUV420))


def _check_size(header: tuple[int, int, tuple[str, str]], max_pixels: int) -> None:
    width, height, _ = header
    if width * height > max_pixels:
        raise ImageTooLargeError(f"{width}x{height} pixels", f"{max_pixels:,} pixels")


def lacks_end(data: bytes) -> bool:
    """Whether a JPEG has no end-of-image marker, the last two bytes; some cameras and recorders omit it.

    Zero bytes after the marker are padding.
    """
    return not bytes(data[-65_536:]).rstrip(b"\0").endswith(_END_OF_IMAGE)


def _decoded(data: bytes, space: str, **options: bool | int) -> BgrImage:
    def read(file: bytes) -> BgrImage:
        try:
            pixels: BgrImage = simplejpeg.decode_jpeg(file, space, strict=True, **options)
        except ValueError as error:
            raise UnreadableImageError(str(error)) from error
        return pixels

    return _tolerant(data, read)


def _tolerant(data: bytes, read: Callable[[bytes], _Decoded]) -> _Decoded:
    """Read a file; if its end marker is missing, add it and retry. libjpeg still detects missing blocks."""
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
    """Describe the missing part of a truncated file."""
    try:
        luma = simplejpeg.decode_jpeg(data, "GRAY", strict=False)[:, :, 0]
    except ValueError:
        return "it ends before its pixels begin"
    present = np.flatnonzero((luma != _GREY_LEVEL).any(axis=1))
    rows = len(luma) - 1 - int(present[-1]) if present.size else len(luma)
    return f"the last {rows} of {len(luma)} rows are missing" if rows else "it ends before its last scan is complete"


def decode_reduced(data: bytes, min_width: int, max_pixels: int = MAX_PIXELS) -> BgrImage:
    """Decode a JPEG at the smallest of libjpeg's scales (1/8, 1/4, 1/2, 1) with a width of at least min_width.

    This takes a fraction of the time of a full decode. Returns and raises the same as `decode`.
    """
    header = _header(data)
    _check_size(header, max_pixels)
    width = min(min_width, header[0])
    return _decoded(data, "BGR", fastdct=True, fastupsample=True, min_height=1, min_width=width, min_factor=1)


def decode_yuv_reduced(data: bytes, min_width: int, max_pixels: int = MAX_PIXELS) -> YuvImage:
    """Decode a JPEG to planes at the smallest of 1/8, 1/4, 1/2 and 1 with a width of at least min_width.

    4:2:0 is decoded by TurboJPEG without the interpreter's lock, so that threads decode at once. Raises the same errors as
    `decode`.
    """
    header = _header(data)
    _check_size(header, max_pixels)
    width, height = header[:2]
    if header[2] != _YUV420 or not turbojpeg.available():
        return planes.from_bgr(decode_reduced(data, min_width, max_pixels))
    eighths = next((each for each in (1, 2, 4) if -(-width * each // 8) >= min_width), 8)
    reduced = (-(-width * eighths // 8), -(-height * eighths // 8))
    return _tolerant(data, lambda file: turbojpeg.decode_planes(file, *reduced))
