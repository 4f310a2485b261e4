"""Smaller pictures, by FFmpeg's scaler: 1 ms for 720p to a half."""

import av
import numpy as np

from davy.domain.frame import Pixels, YuvImage

MIN_SIDE = 16


def scaled(pixels: Pixels, scale: float) -> Pixels:
    """Scale a picture down, to even sides of at least 16 pixels.

    Args:
        pixels: Planes or BGR, of any size.
        scale: Of width and height, above 0; 1 and more return the picture itself.
    """
    if scale >= 1:
        return pixels
    width, height = pixels.size if isinstance(pixels, YuvImage) else pixels.shape[1::-1]
    wanted = tuple(max(MIN_SIDE, 2 * round(side * scale / 2)) for side in (width, height))
    if isinstance(pixels, YuvImage):
        return _scaled_planes(pixels, *wanted)
    return np.asarray(
        av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "bgr24").reformat(*wanted).to_ndarray(), np.uint8
    )


def _scaled_planes(image: YuvImage, width: int, height: int) -> YuvImage:
    old_height, old_width = (side & ~1 for side in image.y.shape)  # FFmpeg's arrays have even sides
    planes = (
        image.y[:old_height, :old_width],
        image.u[: old_height // 2, : old_width // 2],
        image.v[: old_height // 2, : old_width // 2],
    )
    kind = "yuvj420p" if image.full_range else "yuv420p"
    packed = np.concatenate([plane.ravel() for plane in planes]).reshape(old_height * 3 // 2, old_width)
    smaller = av.VideoFrame.from_ndarray(packed, kind).reformat(width, height, kind).to_ndarray()
    rows = np.asarray(smaller, np.uint8).ravel()
    luma, chroma = width * height, (height // 2, width // 2)
    u, v = rows[luma : luma * 5 // 4], rows[luma * 5 // 4 :]
    return YuvImage(rows[:luma].reshape(height, width), u.reshape(chroma), v.reshape(chroma), image.full_range)
