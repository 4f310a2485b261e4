"""libjpeg-turbo's TurboJPEG interface (2.0, still part of 3.x): the one way to decode a JPEG to its planes.

The library is the system's, Debian's `libturbojpeg0`. `available` tells whether it is installed; without it
`davy.adapters.media.jpeg` decodes to BGR first. Source: turbojpeg.h of libjpeg-turbo 2.1.
"""

import ctypes
import sys
from functools import cache

from davy.adapters.media import planes
from davy.domain.errors import UnreadableImageError
from davy.domain.frame import YuvImage

_NAME = "libturbojpeg.0.dylib" if sys.platform == "darwin" else "libturbojpeg.so.0"
_STOP_ON_WARNING, _LIMIT_SCANS = 8192, 32768  # TJFLAG_*: a damaged scan is refused; thousands of empty ones cost minutes


@cache
def available() -> bool:
    """Whether the library is there."""
    return _library() is not None


def decode_planes(data: bytes, width: int, height: int) -> YuvImage:
    """The planes of a JPEG of 4:2:0, as they are in it. Safe to call from several threads.

    Args:
        width, height: Of the picture, by its header; more is never written.

    Raises:
        UnreadableImageError: it is truncated, or damaged so that libjpeg notices.
    """
    library = _library()
    assert library is not None, "ask available() first"
    image = planes.empty(height, width)
    to = (ctypes.c_void_p * 3)(image.y.ctypes.data, image.u.ctypes.data, image.v.ctypes.data)
    strides = (ctypes.c_int * 3)(*(plane.strides[0] for plane in (image.y, image.u, image.v)))
    flags = _STOP_ON_WARNING | _LIMIT_SCANS
    handle = library.tjInitDecompress()  # a new one each time: half of a broken header would stay in it
    try:
        if library.tjDecompressToYUVPlanes(handle, data, len(data), to, width, strides, height, flags):
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
