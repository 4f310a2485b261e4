"""Input and output pictures of the kernels: BGR, or planar YUV 4:2:0."""

from collections.abc import Iterator

import numpy as np

from davy.domain.errors import ShapeError
from davy.domain.frame import BgrImage, Plane, YuvImage
from davy.imaging.runtime.kernels import BGR, YUV, Picture

MIN_SIDE = 16


def as_rows(image: BgrImage) -> BgrImage:
    """Return the picture with contiguous pixels in each row; copy only if its strides differ.

    Raises:
        ShapeError: not (H, W, 3) uint8, or a side under 16 px.
    """
    if image.ndim != 3 or image.shape[2] != 3 or min(image.shape[:2]) < MIN_SIDE or image.dtype != np.uint8:
        raise ShapeError("image", image.shape, f"(H, W, 3) uint8, H and W at least {MIN_SIDE}")
    return image if image.strides[1:] == (3, 1) else np.ascontiguousarray(image)


def as_planes(image: YuvImage) -> YuvImage:
    """Return the picture with contiguous rows in each plane; copy only if its strides differ.

    Raises:
        ShapeError: the planes do not make one 8-bit 4:2:0 picture, or a side is under 16 px.
    """
    if image.y.ndim != 2 or min(image.y.shape) < MIN_SIDE:
        raise ShapeError("image.y", image.y.shape, f"(H, W) uint8, H and W at least {MIN_SIDE}")
    _check(image, "image", (image.y.shape[0], image.y.shape[1]))
    return YuvImage(_rows(image.y), _rows(image.u), _rows(image.v), image.full_range)


def bgr_buffer(out: BgrImage | None, like: BgrImage) -> BgrImage:
    """Return the output buffer: out, or a new array.

    Raises:
        ShapeError: out has another shape, or rows that are not contiguous.
    """
    if out is None:
        return np.empty(like.shape, np.uint8)
    if out.shape != like.shape or out.dtype != np.uint8 or out.strides[1:] != (3, 1):
        raise ShapeError("out", out.shape, f"{like.shape} uint8 with contiguous rows")
    return out


def yuv_buffer(out: YuvImage | None, like: YuvImage) -> YuvImage:
    """Return the output buffer for planes of the same range.

    Raises:
        ShapeError: out has other shapes, rows that are not contiguous, or another range.
    """
    if out is None:
        y, u, v = (np.empty(plane.shape, np.uint8) for plane in (like.y, like.u, like.v))
        return YuvImage(y, u, v, like.full_range)
    _check(out, "out", (like.y.shape[0], like.y.shape[1]))
    if out.full_range != like.full_range or any(plane.strides[1] != 1 for plane in (out.y, out.u, out.v)):
        raise ShapeError("out", out.y.shape, "planes with contiguous rows and the range of the image")
    return out


def bgr_picture(image: BgrImage) -> Picture:
    """Describe the picture to the kernels; valid while image exists."""
    at, stride = image.ctypes.data, image.strides[0]
    return Picture(BGR, 0, image.shape[0], image.shape[1], (at, at, at), (stride, stride, stride))


def yuv_picture(image: YuvImage) -> Picture:
    """Describe the planes to the kernels; valid while they exist."""
    planes = image.y, image.u, image.v
    at, strides = tuple(plane.ctypes.data for plane in planes), tuple(plane.strides[0] for plane in planes)
    return Picture(YUV, not image.full_range, image.y.shape[0], image.y.shape[1], at, strides)


def overlap(first: Picture, second: Picture) -> bool:
    """Whether two pictures of one size share memory."""
    return any(a < d and c < b for a, b in _spans(first) for c, d in _spans(second))


def _spans(picture: Picture) -> Iterator[tuple[int, int]]:
    """Address range [first, last) of each plane's bytes: strides may run backwards, and no gap counts after the last row."""
    for plane in range(1 if picture.format == BGR else 3):
        rows, row = picture.height, picture.width * 3 if picture.format == BGR else picture.width
        if plane:
            rows, row = -(-rows // 2), -(-row // 2)
        last = picture.bytes[plane] + picture.stride[plane] * (rows - 1)
        yield min(picture.bytes[plane], last), max(picture.bytes[plane], last) + row


def copied(image: YuvImage, to: YuvImage) -> YuvImage:
    """Copy the planes of image and return the target."""
    for plane, target in ((image.y, to.y), (image.u, to.u), (image.v, to.v)):
        np.copyto(target, plane)
    return to


def _check(image: YuvImage, name: str, shape: tuple[int, int]) -> None:
    half = -(-shape[0] // 2), -(-shape[1] // 2)
    for letter, plane, wanted in (("y", image.y, shape), ("u", image.u, half), ("v", image.v, half)):
        if plane.shape != wanted or plane.dtype != np.uint8:
            raise ShapeError(f"{name}.{letter}", plane.shape, f"{wanted} uint8")


def _rows(plane: Plane) -> Plane:
    return plane if plane.strides[1] == 1 else np.ascontiguousarray(plane)
