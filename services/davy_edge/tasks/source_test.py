"""A test of a source: it is opened as a camera of this edge, and gives one picture."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from davy.adapters.media import jpeg, planes
from davy.domain.frame import Frame, YuvImage
from davy.domain.ports import FrameSource, OpenSource, SourceOptions
from davy.domain.source import Source
from davy.imaging.runtime import StillEnhancer

MEASURED_S = 2.0  # of frames, for their rate
MAX_FPS, POLLED_FPS = 30.0, 10.0  # a server of single pictures is asked no more often than a camera's default
STREAMED = ("rtsp", "rtsps", "usb")


@dataclass(frozen=True, slots=True)
class SourcePicture:
    """A picture of a source. enhanced is None on an edge that does not enhance."""

    raw: bytes
    enhanced: bytes | None
    width: int
    height: int
    fps: float


def take_picture(
    source: Source,
    tls: str,
    opener: OpenSource,
    still: StillEnhancer | None,
    timeout_s: float,
    on_open: Callable[[FrameSource], None],
) -> SourcePicture:
    """Open a source, measure its rate, and take its newest picture. Blocks, about timeout_s at most.

    Args:
        opener: Opens it by the policy of this edge.
        still: Enhances the picture; None: it stays raw.
        on_open: Gets the open source; to close it from another thread ends the test.

    Raises:
        CameraError: it cannot be opened, or delivers no picture.
        ConfigError: it is not allowed here.
        InvalidInputError: its picture cannot be used.
    """
    deadline_s = time.monotonic() + timeout_s
    fps = MAX_FPS if source.scheme in STREAMED else POLLED_FPS
    opened = opener(source.text, SourceOptions(fps=fps, timeout_s=timeout_s, tls=tls))
    on_open(opened)
    try:
        frame, measured = _newest(opened, deadline_s)
    finally:
        opened.close()
    width, height = _size(frame)
    raw = jpeg.encode(frame.pixels)
    enhanced = jpeg.encode(still.enhance(planes.bgr_of(frame.pixels))) if still is not None else None
    return SourcePicture(raw, enhanced, width, height, measured)


def _newest(opened: FrameSource, deadline_s: float) -> tuple[Frame, float]:
    """The newest frame, and the rate of the frames after the second one, before which a source is not yet in step."""
    opened.read()
    frame = opened.read()
    began_s = newest_s = time.monotonic()
    count = 0
    while newest_s - began_s < MEASURED_S and time.monotonic() < deadline_s:
        frame, count = opened.read(), count + 1
        newest_s = time.monotonic()
    return frame, count / (newest_s - began_s) if newest_s > began_s else 0.0


def _size(frame: Frame) -> tuple[int, int]:
    pixels = frame.pixels
    return pixels.size if isinstance(pixels, YuvImage) else (pixels.shape[1], pixels.shape[0])
