"""Decoded frames of an open container; damaged ones are counted and skipped."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from davy.adapters.media.hardware import SOFTWARE, device
from davy.domain.errors import CameraStalledError, CameraUnavailableError
from davy.domain.frame import MAX_LIVE_PIXELS
from davy.domain.urls import redact
from davy.telemetry import get_logger

log = get_logger(__name__)

INTRA_ONLY = frozenset({"mjpeg", "rawvideo", "png", "bmp"})  # every packet is a key frame: rejected ones need no decoding
MAX_GOP_S = 120.0  # some cameras send one key frame per minute in a static scene


def _always() -> bool:
    return True


class Packets:
    """An open container and its first video stream. Used by one thread; another one may call `close`."""

    def __init__(
        self,
        url: str,
        timeout_s: float,
        container_format: str | None = None,
        options: dict[str, str] | None = None,
        decoder: str = SOFTWARE,
    ) -> None:
        self.source, self.damaged = redact(url), 0
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._lock = threading.Lock()  # no thread closes the container during a read
        start_s = time.monotonic()
        try:
            self._container: InputContainer = av.open(
                url,
                format=container_format,
                options=options or {},
                timeout=(timeout_s, timeout_s),
                metadata_errors="replace",
                hwaccel=device(decoder),
            )
        except (av.error.FFmpegError, OSError) as error:  # the text of the error would contain the password
            late = time.monotonic() - start_s > 0.9 * timeout_s  # FFmpeg reports a timeout of RTSP as invalid data
            reason = f"no answer within {timeout_s:g} s" if late else error.strerror or type(error).__name__
            if not late and isinstance(error, av.error.ArgumentError | av.error.InvalidDataError):
                reason = "it holds no video that can be read, or is in an unsupported format"
            raise CameraUnavailableError(self.source, reason) from error
        if not self._container.streams.video:
            self._container.close()
            raise CameraUnavailableError(self.source, "it has no video, only audio or data")
        self._stream: VideoStream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.options = {
            "err_detect": "explode",
            "max_pixels": str(MAX_LIVE_PIXELS),
        }  # else FFmpeg conceals missing slices
        self._last_frame_s = self.last_data_s = time.monotonic()
        self._first_key_s: float | None = None  # arrival of the first key frame since the last complete frame
        self._started = False

    @property
    def fps(self) -> float | None:
        """Frame rate according to the file."""
        rate = self._stream.average_rate or self._stream.base_rate
        return float(rate) if rate else None

    def frames(self, accept: Callable[[], bool] = _always) -> Iterator[VideoFrame]:
        """Yield frames until the end; drop those that `accept` rejects, before decoding if the codec permits it.

        Raises:
            CameraStalledError: no data for timeout_s, or no complete frame within timeout_s after a key frame.
            CameraUnavailableError: the connection broke, or the source was closed.
        """
        intra = self._stream.codec_context.name in INTRA_ONLY
        packets = self._container.demux(self._stream)
        while True:
            with self._in_use():
                packet = next(packets, None)
                if packet is None:
                    return
                self.last_data_s = time.monotonic()
                if intra and packet.size and not accept():
                    self._last_frame_s = time.monotonic()
                    continue
                frames = self._decode(packet)
            for frame in frames:
                if intra or accept():
                    yield frame

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Lock the container for one step, and translate errors of FFmpeg."""
        with self._lock:
            try:
                if self._closing.is_set():
                    raise CameraUnavailableError(self.source, "closed")
                yield
            except av.error.ExitError as error:
                raise CameraStalledError(self.source, f"silent for {self._timeout_s:g} s") from error
            except EOFError as error:
                raise CameraUnavailableError(self.source, "the stream ended") from error
            except (av.error.FFmpegError, OSError) as error:
                raise CameraUnavailableError(self.source, error.strerror or type(error).__name__) from error
            finally:
                if self._closing.is_set():
                    self._container.close()

    def _decode(self, packet: "av.Packet[VideoStream]") -> list[VideoFrame]:
        if packet.is_keyframe:
            self._started = True
            self._first_key_s = self._first_key_s or time.monotonic()
        try:
            frames = [frame for frame in self._stream.decode(packet) if isinstance(frame, VideoFrame)]
        except (av.error.InvalidDataError, av.error.ArgumentError) as error:
            frames = []
            if self._started:  # incomplete frames before the first key frame are normal
                self._count_damage(error.strerror or "invalid data")
        complete = [frame for frame in frames if not frame.is_corrupt]
        if len(complete) < len(frames) and self._started:
            self._count_damage("parts of the picture are missing")
        now_s = time.monotonic()
        if complete:
            self._last_frame_s, self._first_key_s, self._started = now_s, None, True
        elif now_s - self._last_frame_s > MAX_GOP_S:
            raise CameraStalledError(self.source, f"no key frame for {MAX_GOP_S:g} s")
        elif self._first_key_s is not None and now_s - self._first_key_s > self._timeout_s:
            raise CameraStalledError(self.source, f"no complete picture for {self._timeout_s:g} s")
        return complete

    def _count_damage(self, reason: str) -> None:
        self.damaged += 1
        if self.damaged == 1 or self.damaged % 100 == 0:
            log.warning("camera.damaged", source=self.source, error=reason, damaged=self.damaged)

    def close(self) -> None:
        """Close the container; a thread that waits in `frames` closes it itself within its timeout."""
        self._closing.set()
        if self._lock.acquire(blocking=False):
            try:
                self._container.close()
            finally:
                self._lock.release()
