"""JPEG and PNG pictures that arrive one after the other, decoded by FFmpeg."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator

import av
from av.video.frame import VideoFrame

from davy.adapters.camera.answer import Answer
from davy.adapters.camera.parts import PNG
from davy.domain.errors import CameraStalledError, CameraUnavailableError, ImageTooLargeError, UnreadableImageError
from davy.telemetry import get_logger

MAX_PIXELS = 64_000_000

log = get_logger(__name__)


class StillDecoder:
    """Decodes JPEG and PNG pictures; keeps a decoder between pictures."""

    def __init__(self) -> None:
        self._decoders: dict[str, av.VideoCodecContext] = {}

    def decode(self, data: bytes) -> VideoFrame:
        """Decode one whole picture.

        Raises:
            UnreadableImageError: it is cut, damaged or something else.
            ImageTooLargeError: it has over 64 megapixels; its pixels were not decoded.
        """
        name = "png" if data.startswith(PNG) else "mjpeg"
        decoder = self._decoders.get(name) or self._create(name)
        packet = av.Packet(data)
        packet.is_keyframe = True  # FFmpeg adds a PNG that is none to the picture before it
        try:
            frames = decoder.decode(packet)
        except av.error.ArgumentError as error:  # what FFmpeg says of a header over max_pixels
            del self._decoders[name]
            raise ImageTooLargeError("this picture", f"{MAX_PIXELS:,} pixels") from error
        except av.error.FFmpegError as error:
            raise UnreadableImageError(error.strerror or "it is damaged") from error
        if not frames or frames[0].is_corrupt:
            raise UnreadableImageError("it is cut or damaged")
        return frames[0]

    def _create(self, name: str) -> "av.VideoCodecContext":
        decoder: av.VideoCodecContext = av.CodecContext.create(name, "r")  # type: ignore[assignment]  # the codec is a video one
        decoder.options = {"err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
        decoder.thread_count = 1
        self._decoders[name] = decoder
        return decoder


class MjpegPictures:
    """What `LiveSource` reads, out of pictures that arrive over HTTP. Used from one thread; `close` may come from another."""

    def __init__(self, pictures: Iterator[bytes], answer: Answer, timeout_s: float) -> None:
        self.source, self.damaged = answer.source, 0
        self._pictures, self._answer, self._timeout_s = pictures, answer, timeout_s
        self._decoder = StillDecoder()
        self._closing = threading.Event()
        self._reading = threading.Lock()  # a connection is not closed under a thread that reads from it
        self._good_s = self.heard_s = time.monotonic()

    def frames(self, wanted: Callable[[], bool]) -> Iterator[VideoFrame]:
        """Frames until the end; those for which `wanted` says no are dropped undecoded.

        Raises:
            CameraStalledError: nothing, or only damaged pictures, for timeout_s.
            CameraUnavailableError: the connection broke, or the source was closed.
        """
        while (data := self._next()) is not None:
            self.heard_s = time.monotonic()
            if not wanted():
                self._good_s = self.heard_s
                continue
            try:
                frame = self._decoder.decode(data)
            except (UnreadableImageError, ImageTooLargeError) as error:
                self._count_damage(str(error))
                continue
            self._good_s = time.monotonic()
            yield frame

    def close(self) -> None:
        """Let go; a thread that waits in `frames` closes the connection itself, after its timeout at most."""
        self._closing.set()
        if self._reading.acquire(blocking=False):
            try:
                self._answer.close()
            finally:
                self._reading.release()

    def _next(self) -> bytes | None:
        with self._reading:
            try:
                if self._closing.is_set():
                    raise CameraUnavailableError(self.source, "closed")
                self._answer.allow(self._timeout_s)
                return next(self._pictures, None)
            except TimeoutError as error:
                raise CameraStalledError(self.source, f"silent for {self._timeout_s:g} s") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise CameraUnavailableError(self.source, self._answer.reason(error)) from error
            finally:
                if self._closing.is_set():
                    self._answer.close()

    def _count_damage(self, reason: str) -> None:
        self.damaged += 1
        if self.damaged == 1 or self.damaged % 100 == 0:
            log.warning("camera.damaged", source=self.source, error=reason, damaged=self.damaged)
        if time.monotonic() - self._good_s > self._timeout_s:
            raise CameraStalledError(self.source, f"no whole picture for {self._timeout_s:g} s")
