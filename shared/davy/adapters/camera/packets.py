"""Decoded frames out of an open container; what is damaged is counted and skipped."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from davy.domain.errors import CameraStalledError, CameraUnavailableError
from davy.domain.urls import redact
from davy.telemetry import get_logger

log = get_logger(__name__)

INTRA_ONLY = frozenset({"mjpeg", "rawvideo", "png", "bmp"})  # every packet is a picture: unwanted ones need no decoding
MAX_PIXELS = 64_000_000
LONGEST_GOP_S = 120.0  # some cameras send one key frame a minute while nothing moves


def _always() -> bool:
    return True


class Packets:
    """An open container and its first video stream. Used from one thread; `close` may come from another."""

    def __init__(
        self,
        url: str,
        timeout_s: float,
        container_format: str | None = None,
        options: dict[str, str] | None = None,
    ) -> None:
        self.source, self.damaged = redact(url), 0
        self._timeout_s = timeout_s
        self._closing = threading.Event()
        self._lock = threading.Lock()  # libav is not to be closed under a thread that reads
        began_s = time.monotonic()
        try:
            self._container: InputContainer = av.open(
                url,
                format=container_format,
                options=options or {},
                timeout=(timeout_s, timeout_s),
                metadata_errors="replace",
            )
        except (av.error.FFmpegError, OSError) as error:  # its own text would show the URL with its password
            late = time.monotonic() - began_s > 0.9 * timeout_s  # RTSP's own timeout calls itself invalid data
            reason = f"no answer within {timeout_s:g} s" if late else error.strerror or type(error).__name__
            if not late and isinstance(error, av.error.ArgumentError | av.error.InvalidDataError):
                reason = "it holds no video that can be read, or is of a kind that no camera sends"
            raise CameraUnavailableError(self.source, reason) from error
        if not self._container.streams.video:
            self._container.close()
            raise CameraUnavailableError(self.source, "it has no picture, only sound or data")
        self._stream: VideoStream = self._container.streams.video[0]
        self._stream.codec_context.thread_count = 1
        self._stream.codec_context.options = {
            "err_detect": "explode",
            "max_pixels": str(MAX_PIXELS),
        }  # without it half a picture passes, the rest made up
        self._good_s = self.heard_s = time.monotonic()
        self._key_s: float | None = None  # when the first key frame came after which no frame was whole
        self._began = False

    @property
    def fps(self) -> float | None:
        rate = self._stream.average_rate or self._stream.base_rate
        return float(rate) if rate else None

    def frames(self, wanted: Callable[[], bool] = _always) -> Iterator[VideoFrame]:
        """Frames until the end; those for which `wanted` says no are dropped, undecoded where the codec allows it.

        Raises:
            CameraStalledError: nothing for timeout_s, or no whole frame for timeout_s after a key frame came.
            CameraUnavailableError: the connection broke, or the source was closed.
        """
        intra = self._stream.codec_context.name in INTRA_ONLY
        packets = self._container.demux(self._stream)
        while True:
            with self._in_use():
                packet = next(packets, None)
                if packet is None:
                    return
                self.heard_s = time.monotonic()
                if intra and packet.size and not wanted():
                    self._good_s = time.monotonic()
                    continue
                frames = self._decode(packet)
            for frame in frames:
                if intra or wanted():
                    yield frame

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Hold the container for one step, and put FFmpeg's errors into Davy's words."""
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
            self._began = True
            self._key_s = self._key_s or time.monotonic()
        try:
            frames = [frame for frame in self._stream.decode(packet) if isinstance(frame, VideoFrame)]
        except (av.error.InvalidDataError, av.error.ArgumentError) as error:
            frames = []
            if self._began:  # before its first key frame a stream has nothing to be whole
                self._count_damage(error.strerror or "invalid data")
        whole = [frame for frame in frames if not frame.is_corrupt]
        if len(whole) < len(frames) and self._began:
            self._count_damage("parts of the picture are missing")
        now_s = time.monotonic()
        if whole:
            self._good_s, self._key_s, self._began = now_s, None, True
        elif now_s - self._good_s > LONGEST_GOP_S:
            raise CameraStalledError(self.source, f"no key frame for {LONGEST_GOP_S:g} s")
        elif self._key_s is not None and now_s - self._key_s > self._timeout_s:
            raise CameraStalledError(self.source, f"no whole picture for {self._timeout_s:g} s")
        return whole

    def _count_damage(self, reason: str) -> None:
        self.damaged += 1
        if self.damaged == 1 or self.damaged % 100 == 0:
            log.warning("camera.damaged", source=self.source, error=reason, damaged=self.damaged)

    def close(self) -> None:
        """Let go; a thread that waits in `frames` closes the container itself, after its timeout at most."""
        self._closing.set()
        if self._lock.acquire(blocking=False):
            try:
                self._container.close()
            finally:
                self._lock.release()
