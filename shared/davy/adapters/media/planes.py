"""Conversion between BGR and YUV planes of JPEG, BT.601 in full range."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage, Pixels, Plane, YuvImage
from davy.imaging.native import load_kernels

BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)
"""Weights of red and blue in luma."""

_SIGNATURES = {
    "davy_planes_from_bgr": "p l i i p l p p l",
    "davy_planes_to_bgr": "p l p p l i i p l",
    "davy_planes_to_full": "p l p p l i i p i p l p p l",
}
_TYPES = {"p": ctypes.c_void_p, "l": ctypes.c_int64, "i": ctypes.c_int}


def empty(height: int, width: int) -> YuvImage:
    """Allocate uninitialised planes; rows have an even length in memory, as encoders require."""
    rows, columns = -(-height // 2), -(-width // 2)
    y = np.empty((2 * rows, 2 * columns), np.uint8)[:height, :width]
    return YuvImage(y, np.empty((rows, columns), np.uint8), np.empty((rows, columns), np.uint8))


def from_bgr(image: BgrImage) -> YuvImage:
    """Convert BGR to planes; chroma is the mean over 2 x 2 pixels. 1.1 ms at 1080p.

    Args:
        image: (H, W, 3) uint8, with any strides.
    """
    if image.strides[1:] != (3, 1):
        image = np.ascontiguousarray(image)
    planes = empty(*image.shape[:2])
    pointer, (height, width) = (image.ctypes.data, image.strides[0]), image.shape[:2]
    _kernels().davy_planes_from_bgr(*pointer, height, width, *_pointers(planes))
    return planes


def from_luma(luma: Plane) -> YuvImage:
    """Planes of a grey picture, (H, W) uint8 in full range."""
    grey = np.full((-(-luma.shape[0] // 2), -(-luma.shape[1] // 2)), 128, np.uint8)
    return YuvImage(luma, grey, grey)


def to_bgr(image: YuvImage) -> BgrImage:
    """Convert planes of any range to BGR, (H, W, 3) uint8; 2 x 2 pixels share their chroma."""
    full = with_contiguous_rows(to_full(image))
    bgr: BgrImage = np.empty((*full.y.shape, 3), np.uint8)
    _kernels().davy_planes_to_bgr(*_pointers(full), *full.y.shape, bgr.ctypes.data, bgr.strides[0])
    return bgr


def bgr_of(pixels: Pixels) -> BgrImage:
    """Convert pixels to BGR; return BGR unchanged."""
    return to_bgr(pixels) if isinstance(pixels, YuvImage) else pixels


def to_full(image: YuvImage, weights: tuple[float, float] = BT601) -> YuvImage:
    """Convert planes to full range of BT.601; return the image itself if it has that.

    Args:
        image: Planes.
        weights: Weights of red and blue in the image's luma, BT601 or BT709.
    """
    if image.full_range and weights == BT601:
        return image
    matrix, (height, width) = _matrix(weights, image.full_range), image.y.shape
    planes, rows = empty(height, width), with_contiguous_rows(image)
    black = 0 if image.full_range else 16
    _kernels().davy_planes_to_full(*_pointers(rows), height, width, matrix.ctypes.data, black, *_pointers(planes))
    return planes


def pad_odd_sides(image: YuvImage) -> YuvImage:
    """Pad odd sides of luma in memory by the last row and column; return the image itself if both sides are even.

    Encoders read even sides, and the padding affects the last block.
    """
    height, width = image.y.shape
    if height % 2 == width % 2 == 0:
        return image
    y = np.pad(image.y, ((0, height % 2), (0, width % 2)), mode="edge")[:height, :width]
    return YuvImage(y, image.u, image.v, image.full_range)


def with_contiguous_rows(image: YuvImage) -> YuvImage:
    """Planes with contiguous rows and equal strides of U and V, as kernels require; rarely a copy."""
    if image.y.strides[1] == image.u.strides[1] == image.v.strides[1] == 1 and image.u.strides == image.v.strides:
        return image
    y, u, v = (np.ascontiguousarray(plane) for plane in (image.y, image.u, image.v))
    return YuvImage(y, u, v, image.full_range)


def _pointers(image: YuvImage) -> tuple[int, int, int, int, int]:
    y, u, v = image.y, image.u, image.v
    return y.ctypes.data, y.strides[0], u.ctypes.data, v.ctypes.data, u.strides[0]


@cache
def _matrix(weights: tuple[float, float], full_range: bool) -> NDArray[np.int32]:
    """Matrix from (Y, U, V) to that of JPEG, in 1/65536."""
    scale = np.diag([1, 1, 1] if full_range else [255 / 219, 255 / 224, 255 / 224])
    matrix = np.linalg.inv(_to_rgb(BT601)) @ _to_rgb(weights) @ scale
    if weights == BT601:
        matrix = scale
    return np.ascontiguousarray(np.rint(matrix * 65536), np.int32)


def _to_rgb(weights: tuple[float, float]) -> NDArray[np.float64]:
    """RGB from (Y, Cb, Cr) in full range. Source: ITU-R BT.601-7 and BT.709-6, section 3."""
    red, blue = weights
    green = 1 - red - blue
    cr, cb = 2 * (1 - red), 2 * (1 - blue)
    return np.array([[1, 0, cr], [1, -cb * blue / green, -cr * red / green], [1, cb, 0]])


@cache
def _kernels() -> ctypes.CDLL:
    loaded = load_kernels(Path(__file__).parent, "yuv420")
    for name, signature in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes = [_TYPES[letter] for letter in signature.split()]
        function.restype = None
    return loaded


def luma_of(pixels: Pixels, step: int = 1) -> Plane:
    """Luma in full range, subsampled by step, (ceil(H / step), ceil(W / step)) uint8."""
    if isinstance(pixels, YuvImage):
        luma = pixels.y[::step, ::step]
        return luma if pixels.full_range else ((luma.astype(np.int32).clip(16, 235) - 16) * 255 // 219).astype(np.uint8)
    return from_bgr(pixels[::step, ::step]).y
