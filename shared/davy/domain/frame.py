"""A frame, before and after JPEG encoding."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from davy.domain.age import Age
from davy.domain.camera import CameraAddress

MAX_JPEG_BYTES = 900_000  # fits every MQTT broker's default packet limit
MAX_LIVE_PIXELS = (
    36_000_000  # of a frame of a live camera: 8K has 33 million; each pixel takes 5 bytes per camera for its state
)

BgrImage = NDArray[np.uint8]
"""Pixels as shape (H, W, 3), uint8, blue-green-red, display-encoded (sRGB-like) in [0, 255]."""

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class YuvImage:
    """A picture in the form of codecs: planar Y'CbCr 4:2:0, ITU-R BT.601, 8 bit.

    Args:
        y: Luma, shape (H, W).
        u: Blue difference around 128, shape (ceil(H / 2), ceil(W / 2)); one sample for 2 x 2 pixels, at their centre.
        v: Red difference around 128, shape of u.
        full_range: Luma and chroma use 0 to 255, as in JPEG; otherwise 16 to 235 and 16 to 240, as in most H.264.
    """

    y: Plane
    u: Plane
    v: Plane
    full_range: bool = True

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.y.shape[1], self.y.shape[0]


Pixels = BgrImage | YuvImage
"""A picture in the form of its source."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured picture.

    Args:
        pixels: Planes where the source has them, else BGR, (H, W, 3) uint8; treat as read-only: stages share them.
        captured_ns: Unix time of capture in ns, on the capturing machine's clock.
        seq: 1, 2, 3, ... per camera and boot; 0 where the source does not count.
    """

    pixels: Pixels
    captured_ns: int
    seq: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        if isinstance(self.pixels, YuvImage):
            return self.pixels.size
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One frame on the wire: a plain JPEG and its metadata.

    Args:
        jpeg: At most MAX_JPEG_BYTES.
        captured_ns: Unix time in ns, on the edge's clock.
        model: Id of the enhancing model, empty for a raw frame.
        raw_jpeg: The same instant before enhancement, or empty.
        enhanced_ns: Unix time in ns at which enhancement ended, 0 for a raw frame.
        age: The age as this process knows it; no part of the frame's identity, and never on a wire.
    """

    camera: CameraAddress
    boot_id: str
    seq: int
    captured_ns: int
    width: int
    height: int
    jpeg: bytes = field(repr=False)
    model: str = ""
    strength: float = 1.0
    enhanced_ns: int = 0
    raw_jpeg: bytes = field(default=b"", repr=False)
    traceparent: str = ""
    age: Age = field(default_factory=Age, repr=False, compare=False)
