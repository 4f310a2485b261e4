"""EXIF orientation of stored pixels: 1 is upright, 2 to 8 are rotated or mirrored."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # still pictures do not need PyAV
    from av.sidedata.sidedata import SideDataContainer
    from av.video.frame import VideoFrame

Samples = TypeVar("Samples", bound=np.generic)

_TRANSPOSED, _FLIPPED, _MIRRORED = (5, 6, 7, 8), (3, 4, 7, 8), (2, 3, 6, 7)
_BY_STEPS = {
    (kind in _TRANSPOSED, kind in _FLIPPED, kind in _MIRRORED): kind for kind in range(1, 9)
}  # rows and columns exchanged, then upside down, then left to right
_BY_ROTATION = {1: 8, 2: 3, 3: 6}  # quarter turns counterclockwise


def orientation_of(frame: VideoFrame) -> int:
    """The orientation, 1 to 8, from the display matrix of a decoded frame; angles are rounded to quarter turns.

    Source: libavutil/display.h: x' = a x + c y, y' = b x + d y, the matrix is (a, b, u, c, d, v, x, y, w) in 16.16.
    """
    matrix = side_data(frame, "DISPLAYMATRIX")
    if len(matrix) < 36:
        return _BY_ROTATION.get(round(frame.rotation / 90) % 4, 1) if frame.rotation else 1
    a, b, _, c, d, *_ = struct.unpack_from("9i", matrix)
    if not (a or b) or not (c or d):
        return 1
    transposed = abs(b) > abs(a)
    return _BY_STEPS[transposed, (b if transposed else d) < 0, (c if transposed else a) < 0]


def side_data(frame: VideoFrame, name: str) -> bytes:
    """Side data of a decoded frame by its AV_FRAME_DATA name; empty if absent."""
    try:
        container = cast("SideDataContainer", frame.side_data)
    except ValueError:  # PyAV does not support every kind, such as EXIF of a still picture
        return b""
    return next((bytes(each) for each in container if each.type.name == name), b"")


def swaps_sides(orientation: int) -> bool:
    """Whether width and height are exchanged."""
    return orientation in _TRANSPOSED


def upright(pixels: NDArray[Samples], orientation: int) -> NDArray[Samples]:
    """Rotate pixels upright: shape (H, W) or (H, W, C), into a contiguous array."""
    if orientation in _TRANSPOSED:
        pixels = pixels.swapaxes(0, 1)
    if orientation in _FLIPPED:
        pixels = pixels[::-1]
    if orientation in _MIRRORED:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
