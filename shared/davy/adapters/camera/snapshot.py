"""A snapshot URL as a camera, requested options.fps times per second."""

import http.client
import threading
import time
from dataclasses import replace

from davy.adapters.camera.pace import Pacer
from davy.adapters.camera.picture import PlaneConverter, decode_picture
from davy.adapters.camera.picture_stream import split_pictures
from davy.adapters.camera.response import HttpResponse
from davy.domain.errors import CameraStalledError, CameraUnavailableError, InvalidInputError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions
from davy.domain.urls import redact

CHUNK_BYTES = 64 * 1024


class SnapshotSource:
    """Request a picture repeatedly; retry a failed request for timeout_s."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url, self._source = url, redact(url)
        self._fps, self._timeout_s, self._options = options.fps, options.timeout_s, options
        self._closing = threading.Event()
        self._pace, self._media_s = Pacer(self._closing), 0.0
        self._convert_planes = PlaneConverter(options.size)
        self.damaged = 0

    def read(self) -> Frame:
        """Return the next picture when it is due; captured_ns is its arrival.

        Raises:
            CameraStalledError: only damaged pictures arrived for timeout_s.
            CameraUnavailableError: no picture arrived for timeout_s, or the source was closed.
        """
        deadline_s: float | None = None
        damage: InvalidInputError | None = None
        while True:
            on_time = self._pace.wait(self._media_s)
            self._media_s += 1 / self._fps
            if not on_time:
                raise CameraUnavailableError(self._source, "closed")
            start_s = time.monotonic()
            deadline_s = start_s + self._timeout_s if deadline_s is None else deadline_s
            try:
                data = self._fetch(deadline_s - start_s)
                captured_ns = time.time_ns()
                return Frame(self._convert_planes.resize(decode_picture(data)), captured_ns)
            except (CameraUnavailableError, InvalidInputError) as error:
                if isinstance(error, InvalidInputError):
                    self.damaged, damage = self.damaged + 1, error
                if time.monotonic() + 1 / self._fps > deadline_s:
                    if damage is None:
                        raise
                    raise CameraStalledError(
                        self._source, f"no complete picture for {self._timeout_s:g} s: {damage}"
                    ) from error

    def set_fps(self, fps: float) -> bool:
        """Change the frame rate; return True."""
        self._fps = fps
        return True

    def close(self) -> None:
        """End a waiting read."""
        self._closing.set()

    def _fetch(self, timeout_s: float) -> bytes:
        try:
            response = HttpResponse(self._url, replace(self._options, timeout_s=timeout_s))
        except http.client.HTTPException as error:
            raise CameraUnavailableError(self._source, "the response is not HTTP") from error
        try:
            for picture in split_pictures(iter(lambda: response.read(CHUNK_BYTES), b"")):
                return picture
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CameraUnavailableError(self._source, response.reason(error)) from error
        finally:
            response.close()
        raise CameraUnavailableError(
            self._source, f"its response ({response.content_type or 'without a type'}) holds no picture"
        )
