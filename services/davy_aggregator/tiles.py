"""Pictures at the size that a viewer shows. A frame is scaled once per size, and all viewers share the result."""

import asyncio
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import cv2

from davy.adapters.media import jpeg
from davy.domain.camera import CameraAddress
from davy.domain.errors import UnreadableImageError
from davy.domain.frame import Plane, YuvImage
from davy_aggregator.live import LiveFrame
from davy_aggregator.metrics import AggregatorMetrics

Variant = Literal["enhanced", "raw"]

WIDTHS = (160, 240, 320, 400, 480, 640, 960, 1280)
"""Size classes, width in pixels: few, so that many viewers share one picture."""

TOLERANCE = 0.9  # a class this much narrower than the tile is not visibly softer, and the next one has twice its bytes
QUALITY = 75
WORKERS = 2  # decoding releases the interpreter's lock
MAX_KEPT = 1024  # newest pictures by camera, variant and class, each some 10 kB


def size_class(width: int, source: int) -> int | None:
    """Return the class for a tile, in pixels of width; None for the source's own picture.

    Args:
        width: Width of the tile in device pixels; 0 for the source's own.
        source: Width of the frame.
    """
    if width <= 0:
        return None
    fitting = next((each for each in WIDTHS if each >= TOLERANCE * width), None)
    return fitting if fitting is not None and fitting < source else None


@dataclass(frozen=True, slots=True)
class _Kept:
    frame: tuple[str, int]  # boot and sequence
    picture: "asyncio.Future[bytes]"


class TilePictures:
    """The newest picture of every camera, variant and size class that anybody shows.

    Args:
        metrics: Counts pictures that are scaled, shared, and passed on as they are.
    """

    def __init__(self, metrics: AggregatorMetrics) -> None:
        self._metrics = metrics
        self._threads = ThreadPoolExecutor(WORKERS, thread_name_prefix="tiles")
        self._kept: OrderedDict[tuple[CameraAddress, Variant, int], _Kept] = OrderedDict()

    async def picture(self, live: LiveFrame, variant: Variant, width: int) -> bytes:
        """Return a frame's JPEG for a tile; empty if the frame has no such variant.

        Args:
            live: The frame.
            variant: "enhanced" or "raw".
            width: Width of the tile in device pixels; 0 for the source's own.
        """
        source = live.frame.raw_jpeg if variant == "raw" else live.frame.jpeg
        chosen = size_class(width, live.frame.width or width)
        if not source or chosen is None:
            self._metrics.tiles.labels("original").inc()
            return source
        key, frame = (live.frame.camera, variant, chosen), (live.frame.boot_id, live.frame.seq)
        kept = self._kept.get(key)
        if kept is None or kept.frame != frame:
            self._metrics.tiles.labels("scaled").inc()
            kept = _Kept(frame, asyncio.get_running_loop().run_in_executor(self._threads, scale, source, chosen))
            self._keep(key, kept)
        else:
            self._metrics.tiles.labels("shared").inc()
        return await asyncio.shield(kept.picture)  # a viewer that leaves takes no picture from the others

    def _keep(self, key: tuple[CameraAddress, Variant, int], kept: _Kept) -> None:
        self._kept[key] = kept
        self._kept.move_to_end(key)
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def close(self) -> None:
        """Accept no more pictures."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def scale(data: bytes, width: int) -> bytes:
    """Scale a JPEG down to a width in pixels; one that cannot be read is returned as it is."""
    try:
        image = jpeg.decode_yuv_reduced(data, width)
    except UnreadableImageError:
        return data
    return jpeg.encode(_narrowed(image, width), QUALITY)


def _narrowed(image: YuvImage, width: int) -> YuvImage:
    own_width, own_height = image.size
    if own_width <= width:
        return image
    size = (width, max(2, 2 * round(own_height * width / own_width / 2)))
    half = (size[0] // 2, size[1] // 2)
    return YuvImage(_resized(image.y, size), _resized(image.u, half), _resized(image.v, half), image.full_range)


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    # libjpeg has left at most a factor of 2: two pixels each way are all that there is to weigh
    resized: Plane = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)
    return resized
