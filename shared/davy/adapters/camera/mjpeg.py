"""A stream of JPEG or PNG pictures, decoded by FFmpeg."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator

import av
from av.video.frame import VideoFrame

from davy.adapters.camera.picture_stream import PNG
from davy.adapters.camera.response import HttpResponse
from davy.domain.errors import CameraStalledError, CameraUnavailableError, ImageTooLargeError, UnreadableImageError
from davy.domain.frame import MAX_LIVE_PIXELS
from davy.telemetry import get_logger

log = get_logger(__name__)


class StillDecoder:
    """Decode JPEG and PNG pictures with a persistent decoder."""

    def __init__(self) -> None:
        self._decoders: dict[str, av.VideoCodecContext] = {}

    def decode(self, data: bytes) -> VideoFrame:
        """Decode one picture.

        Raises:
            UnreadableImageError: the data is truncated, damaged or not a picture.
            ImageTooLargeError: the picture has over MAX_LIVE_PIXELS; it is not decoded.
        """
        name = "png" if data.startswith(PNG) else "mjpeg"
        decoder = self._decoders.get(name) or self._create(name)
        packet = av.Packet(data)
        packet.is_keyframe = True  # else FFmpeg blends a PNG over the previous picture
        try:
            frames = decoder.decode(packet)
        except av.error.ArgumentError as error:  # the header exceeds max_pixels
            del self._decoders[name]
            raise ImageTooLargeError("this picture", f"{MAX_LIVE_PIXELS:,} pixels") from error
        except av.error.FFmpegError as error:
            raise UnreadableImageError(error.strerror or "it is damaged") from error
        if not frames or frames[0].is_corrupt:
            raise UnreadableImageError("it is truncated or damaged")
        return frames[0]

    def _create(self, name: str) -> "av.VideoCodecContext":
        decoder: av.VideoCodecContext = av.CodecContext.create(name, "r")  # type: ignore[assignment]  # the codec is a video one
        decoder.options = {"err_detect": "explode", "max_pixels": str(MAX_LIVE_PIXELS)}
        decoder.thread_count = 1
        self._decoders[name] = decoder
        return decoder


class MjpegStream:
    """Frames for `LiveSource` from pictures over HTTP. Used by one thread; another one may call `close`."""

    def __init__(self, pictures: Iterator[bytes], response: HttpResponse, timeout_s: float) -> None:
        self.source, self.damaged = response.source, 0
        self._pictures, self._response, self._timeout_s = pictures, response, timeout_s
        self._decoder = StillDecoder()
        self._closing = threading.Event()
        self._reading = threading.Lock()  # no thread closes the connection during a read
        self._last_frame_s = self.last_data_s = time.monotonic()

    def frames(self, accept: Callable[[], bool]) -> Iterator[VideoFrame]:
        """Yield frames until the end; drop those that `accept` rejects before decoding.

        Raises:
            CameraStalledError: no data, or only damaged pictures, for timeout_s.
            CameraUnavailableError: the connection broke, or the source was closed.
        """
        while (data := self._next()) is not None:
            self.last_data_s = time.monotonic()
            if not accept():
                self._last_frame_s = self.last_data_s
                continue
            try:
                frame = self._decoder.decode(data)
            except (UnreadableImageError, ImageTooLargeError) as error:
                self._count_damage(str(error))
                continue
            self._last_frame_s = time.monotonic()
            yield frame

    def close(self) -> None:
        """Close the connection; a thread that waits in `frames` closes it itself within its timeout."""
        self._closing.set()
        if self._reading.acquire(blocking=False):
            try:
                self._response.close()
            finally:
                self._reading.release()

    def _next(self) -> bytes | None:
        with self._reading:
            try:
                if self._closing.is_set():
                    raise CameraUnavailableError(self.source, "closed")
                self._response.set_deadline(self._timeout_s)
                return next(self._pictures, None)
            except TimeoutError as error:
                raise CameraStalledError(self.source, f"silent for {self._timeout_s:g} s") from error
            except (OSError, http.client.HTTPException, ValueError) as error:
                raise CameraUnavailableError(self.source, self._response.reason(error)) from error
            finally:
                if self._closing.is_set():
                    self._response.close()

    def _count_damage(self, reason: str) -> None:
        self.damaged += 1
        if self.damaged == 1 or self.damaged % 100 == 0:
            log.warning("camera.damaged", source=self.source, error=reason, damaged=self.damaged)
        if time.monotonic() - self._last_frame_s > self._timeout_s:
            raise CameraStalledError(self.source, f"no complete picture for {self._timeout_s:g} s")
