"""Cameras that run by themselves: rtsp, HTTP, USB."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from av.video.frame import VideoFrame

from davy.adapters.camera.network import pinned
from davy.adapters.camera.pace import RateCap
from davy.adapters.camera.packets import Packets
from davy.adapters.camera.picture import ToPlanes
from davy.adapters.camera.tls import explain, ffmpeg_options
from davy.adapters.media import formats
from davy.domain.errors import CameraUnavailableError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions
from davy.domain.source import Source

# No seconds of probing for a frame rate that nobody needs. What probing reads is kept (no "nobuffer"): the key frame is in it.
LIVE_OPTIONS = {"analyzeduration": "300000", "fpsprobesize": "0"}
RTSP_TCP_THEN_UDP = {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp"}  # over UDP a busy tunnel's link loses slices
RTSP_TRANSPORTS = frozenset({"tcp", "udp", "udp_multicast", "http"})  # as the last word of the URL: rtsp://camera/1?udp


class Pictures(Protocol):
    """What a live source reads its frames from: an open container, or pictures that arrive over HTTP."""

    source: str
    damaged: int
    heard_s: float

    def frames(self, wanted: Callable[[], bool]) -> Iterator[VideoFrame]:
        """Frames as they arrive."""

    def close(self) -> None:
        """Let go."""


class LiveSource:
    """A network camera. Every frame that arrives is read, so nothing queues; those beyond options.fps are dropped early."""

    def __init__(self, source: Source, options: SourceOptions, packets: Pictures | None = None, own_rate: bool = False) -> None:
        self._packets: Pictures = packets or _open(source, options)
        self._opened_fps, self._own_rate = options.fps, own_rate or packets is None
        self._cap = RateCap(options.fps)
        self._to_planes = ToPlanes(options.size)
        self._frames = self._packets.frames(lambda: self._cap.wants(time.monotonic()))

    @property
    def damaged(self) -> int:
        """Frames that arrived incomplete and were skipped."""
        return self._packets.damaged

    @property
    def heard_s(self) -> float:
        """When something arrived last, in seconds of time.monotonic; without a key frame it shows nothing yet."""
        return self._packets.heard_s

    def read(self) -> Frame:
        """The next frame; captured_ns is its arrival.

        Raises:
            CameraStalledError: silence, or only damaged frames, for options.timeout_s.
            CameraUnavailableError: the connection broke or ended.
        """
        frame = next(self._frames, None)
        captured_ns = time.time_ns()
        if frame is None:
            raise CameraUnavailableError(self._packets.source, "the stream ended")
        return Frame(self._to_planes(frame), captured_ns)

    def set_fps(self, fps: float) -> bool:
        """Take another rate without being opened anew; False where that cannot be: a USB camera runs at the rate asked for."""
        if not self._own_rate and fps > self._opened_fps:
            return False
        self._cap.set_fps(fps)
        return True

    def close(self) -> None:
        self._packets.close()


def open_usb(url: str, options: SourceOptions) -> LiveSource:
    """Open `usb://0` (/dev/video0) or `usb:///dev/video2`; JPEG from the camera where it has it, for USB 2 is slow.

    Raises:
        CameraUnavailableError: there is no such device, or it gives no picture.
    """
    source = Source.parse(url)
    options.policy.check(source)
    device = Path(source.path)
    if not device.exists():
        present = ", ".join(sorted(str(each) for each in Path("/dev").glob("video*"))) or "none"
        raise CameraUnavailableError(url, f"there is no {device}: is the camera plugged in? present: {present}")
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraUnavailableError(url, f"{device} may not be opened: add this user to the group video")
    wanted = {"framerate": f"{options.fps:g}"}
    if options.size:
        wanted["video_size"] = f"{options.size[0]}x{options.size[1]}"
    attempts: tuple[dict[str, str], ...] = ({**wanted, "input_format": "mjpeg"}, wanted, {})
    for number, attempt in enumerate(attempts, 1):
        try:
            return LiveSource(source, options, Packets(str(device), options.timeout_s, "v4l2", attempt))
        except CameraUnavailableError:
            if number == len(attempts):
                raise
    raise AssertionError("the last attempt returns or raises")


def _open(source: Source, options: SourceOptions) -> Packets:
    try:
        url = pinned(source, options.policy)
    except OSError as error:
        raise CameraUnavailableError(source.text, error.strerror or "its name cannot be resolved") from error
    secure = ffmpeg_options(source, options)
    try:
        return _packets(source, url, options, secure)
    except CameraUnavailableError:
        explain(source, options)
        raise


def _packets(source: Source, url: str, options: SourceOptions, secure: dict[str, str]) -> Packets:
    if source.scheme not in ("rtsp", "rtsps"):
        return Packets(url, options.timeout_s, options=LIVE_OPTIONS | formats.HTTP | secure)
    chosen = urlsplit(url).query.rpartition("&")[2].replace("multicast", "udp_multicast")
    transport = {"rtsp_transport": chosen} if chosen in RTSP_TRANSPORTS else RTSP_TCP_THEN_UDP
    return Packets(url, options.timeout_s, "rtsp", LIVE_OPTIONS | formats.RTSP | transport | secure)
