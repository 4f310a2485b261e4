"""TurboJPEG interface of libjpeg-turbo (2.0, also in 3.x), which decodes a JPEG to its planes.

The library is a system package, such as Debian's `libturbojpeg0`. Without it `davy.adapters.media.jpeg` decodes to BGR first.
Source: turbojpeg.h of libjpeg-turbo 2.1.
"""

import ctypes
import sys
from functools import cache

from davy.adapters.media import planes
from davy.domain.errors import UnreadableImageError
from davy.domain.frame import YuvImage

_NAME = "libturbojpeg.0.dylib" if sys.platform == "darwin" else "libturbojpeg.so.0"
_STOP_ON_WARNING, _LIMIT_SCANS = 8192, 32768  # TJFLAG_*: rejects damaged scans, and thousands of empty ones, which take minutes


@cache
def available() -> bool:
    """Whether the library is installed."""
    return _library() is not None


def decode_planes(data: bytes, width: int, height: int) -> YuvImage:
    """Decode a 4:2:0 JPEG to its planes. Thread-safe.

    Args:
        data: The file.
        width: Width in the header, or at a scale of libjpeg: 1/8, 1/4 or 1/2 of it, rounded up.
        height: Height at the same scale.

    Raises:
        UnreadableImageError: the file is truncated or damaged.
    """
    library = _library()
    assert library is not None, "ask available() first"
    image = planes.empty(height, width)
    pointers = (ctypes.c_void_p * 3)(image.y.ctypes.data, image.u.ctypes.data, image.v.ctypes.data)
    strides = (ctypes.c_int * 3)(*(plane.strides[0] for plane in (image.y, image.u, image.v)))
    flags = _STOP_ON_WARNING | _LIMIT_SCANS
    handle = library.tjInitDecompress()  # a new one per file: a reused one keeps parts of a broken header
    try:
        if library.tjDecompressToYUVPlanes(handle, data, len(data), pointers, width, strides, height, flags):
            raise UnreadableImageError(library.tjGetErrorStr2(handle).decode(errors="replace"))
    finally:
        library.tjDestroy(handle)
    return image


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(_NAME)
        _declare(library)
    except (OSError, AttributeError):  # not installed, or older than 2.0
        return None
    return library


def _declare(library: ctypes.CDLL) -> None:
    pointer, number, length = ctypes.c_void_p, ctypes.c_int, ctypes.c_ulong
    library.tjInitDecompress.restype = pointer
    library.tjInitDecompress.argtypes = []
    library.tjDestroy.argtypes = [pointer]
    library.tjGetErrorStr2.restype = ctypes.c_char_p
    library.tjGetErrorStr2.argtypes = [pointer]
    planar = (pointer, ctypes.c_char_p, length, pointer, number, pointer, number, number)
    library.tjDecompressToYUVPlanes.argtypes = planar
