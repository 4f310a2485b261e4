"""Planar YUV 4:2:0 in and out."""

import numpy as np
from numpy.typing import NDArray

from davy.errors import ShapeError
from davy.frame import BgrImage, Plane, YuvImage

MIN_SIDE = 16
Exact = NDArray[np.float32]


def check_planes(image: YuvImage, name: str = "image") -> None:
    """Raises ShapeError where the planes do not make one picture of 8-bit 4:2:0 with sides of at least 16 px."""
    planes = {"y": image.y, "u": image.u, "v": image.v}
    if image.y.ndim != 2 or min(image.y.shape) < MIN_SIDE:
        raise ShapeError(f"{name}.y", image.y.shape, f"(H, W) uint8, H and W at least {MIN_SIDE}")
    chroma = -(-image.y.shape[0] // 2), -(-image.y.shape[1] // 2)
    for plane, shape in (("y", image.y.shape), ("u", chroma), ("v", chroma)):
        if planes[plane].shape != shape or planes[plane].dtype != np.uint8:
            raise ShapeError(f"{name}.{plane}", planes[plane].shape, f"{shape} uint8")


def to_bgr(image: YuvImage) -> BgrImage:
    """Every pixel with the chroma of its 2 x 2."""
    height, width = image.y.shape
    y, u, v = (plane.astype(np.float32) for plane in (image.y, image.u, image.v))
    u, v = u - 128, v - 128
    if not image.full_range:
        y, u, v = (y - 16) * (255 / 219), u * (255 / 224), v * (255 / 224)
    u, v = (plane.repeat(2, 0).repeat(2, 1)[:height, :width] for plane in (u, v))
    planes = [y + 1.772 * u, y - 0.344136 * u - 0.714136 * v, y + 1.402 * v]
    bgr: BgrImage = np.clip(np.rint(np.stack(planes, -1)), 0, 255).astype(np.uint8)
    return bgr


def from_bgr(image: BgrImage, full_range: bool) -> YuvImage:
    """Chroma is the mean over 2 x 2 pixels."""
    b, g, r = (image[:, :, channel].astype(np.float32) for channel in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    u, v = _halved((b - y) / 1.772), _halved((r - y) / 1.402)
    if not full_range:
        y, u, v = y * (219 / 255) + 16, u * (224 / 255), v * (224 / 255)
    return YuvImage(_bytes(y), _bytes(u + 128), _bytes(v + 128), full_range)


def _bytes(plane: Exact) -> Plane:
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)


def _halved(plane: Exact) -> Exact:
    height, width = plane.shape
    padded = np.pad(plane, ((0, height % 2), (0, width % 2)), mode="edge")
    halved: Exact = padded.reshape(-(-height // 2), 2, -(-width // 2), 2).mean((1, 3))
    return halved


def into(out: YuvImage | None, image: YuvImage) -> YuvImage:
    """Copy image to out, if there is one."""
    if out is None:
        return image
    check_planes(out, "out")
    if out.y.shape != image.y.shape:
        raise ShapeError("out.y", out.y.shape, f"{image.y.shape} uint8")
    for to, plane in ((out.y, image.y), (out.u, image.u), (out.v, image.v)):
        to[:] = plane
    return out
