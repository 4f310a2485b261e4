"""Live cameras: RTSP, HTTP, USB."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from av.video.frame import VideoFrame

from davy.adapters.camera.network import pin_address
from davy.adapters.camera.pace import RateLimiter
from davy.adapters.camera.packets import Packets
from davy.adapters.camera.picture import PlaneConverter
from davy.adapters.camera.tls import explain, ffmpeg_options
from davy.adapters.media import formats
from davy.domain.errors import CameraUnavailableError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions
from davy.domain.source import Source

# Short probing, without the frame rate. Probed data is kept (no "nobuffer"), as it contains the key frame.
LIVE_OPTIONS = {"analyzeduration": "300000", "fpsprobesize": "0"}
RTSP_TCP_THEN_UDP = {"rtsp_transport": "tcp+udp", "rtsp_flags": "prefer_tcp"}  # UDP loses slices on a busy link
RTSP_TRANSPORTS = frozenset({"tcp", "udp", "udp_multicast", "http"})  # at the end of the URL: rtsp://camera/1?udp


class FrameStream(Protocol):
    """Frames of a live source, from an open container or from pictures over HTTP."""

    source: str
    damaged: int
    last_data_s: float

    def frames(self, accept: Callable[[], bool]) -> Iterator[VideoFrame]:
        """Yield accepted frames as they arrive."""

    def close(self) -> None:
        """Close the stream."""


class LiveSource:
    """A live camera. Every arriving frame is read, so that none queues; frames over options.fps are dropped early."""

    def __init__(
        self, source: Source, options: SourceOptions, packets: FrameStream | None = None, own_rate: bool = False
    ) -> None:
        self._packets: FrameStream = packets or _open(source, options)
        self._opened_fps, self._own_rate = options.fps, own_rate or packets is None
        self._limiter = RateLimiter(options.fps)
        self._convert_planes = PlaneConverter(options.size)
        self._frames = self._packets.frames(lambda: self._limiter.accept(time.monotonic()))

    @property
    def damaged(self) -> int:
        """Number of incomplete frames, which are skipped."""
        return self._packets.damaged

    @property
    def last_data_s(self) -> float:
        """Arrival of the last data, in seconds of time.monotonic; there may be no frame yet without a key frame."""
        return self._packets.last_data_s

    def read(self) -> Frame:
        """Return the next frame; captured_ns is its arrival.

        Raises:
            CameraStalledError: no data, or only damaged frames, for options.timeout_s.
            CameraUnavailableError: the connection broke or ended.
        """
        frame = next(self._frames, None)
        captured_ns = time.time_ns()
        if frame is None:
            raise CameraUnavailableError(self._packets.source, "the stream ended")
        return Frame(self._convert_planes(frame), captured_ns)

    def set_fps(self, fps: float) -> bool:
        """Change the frame rate; return False if the camera must be reopened, such as a USB camera for a higher rate."""
        if not self._own_rate and fps > self._opened_fps:
            return False
        self._limiter.set_fps(fps)
        return True

    def close(self) -> None:
        """Close the camera."""
        self._packets.close()


def open_usb(url: str, options: SourceOptions) -> LiveSource:
    """Open `usb://0` (/dev/video0) or `usb:///dev/video2`; prefer JPEG, as USB 2 is slow.

    Raises:
        CameraUnavailableError: the device is missing, or delivers no picture.
    """
    source = Source.parse(url)
    options.policy.check(source)
    device = Path(source.path)
    if not device.exists():
        present = ", ".join(sorted(str(each) for each in Path("/dev").glob("video*"))) or "none"
        raise CameraUnavailableError(url, f"no device {device}: connect the camera; present: {present}")
    if not os.access(device, os.R_OK | os.W_OK):
        raise CameraUnavailableError(url, f"no permission for {device}: add this user to the group video")
    settings = {"framerate": f"{options.fps:g}"}
    if options.size:
        settings["video_size"] = f"{options.size[0]}x{options.size[1]}"
    attempts: tuple[dict[str, str], ...] = ({**settings, "input_format": "mjpeg"}, settings, {})
    for number, attempt in enumerate(attempts, 1):
        try:
            return LiveSource(source, options, Packets(str(device), options.timeout_s, "v4l2", attempt))
        except CameraUnavailableError:
            if number == len(attempts):
                raise
    raise AssertionError("the last attempt returns or raises")


def _open(source: Source, options: SourceOptions) -> Packets:
    try:
        url = pin_address(source, options.policy)
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
        return Packets(url, options.timeout_s, options=LIVE_OPTIONS | formats.HTTP | secure, decoder=options.decoder)
    name = urlsplit(url).query.rpartition("&")[2].replace("multicast", "udp_multicast")
    transport = {"rtsp_transport": name} if name in RTSP_TRANSPORTS else RTSP_TCP_THEN_UDP
    return Packets(url, options.timeout_s, "rtsp", LIVE_OPTIONS | formats.RTSP | transport | secure, options.decoder)
