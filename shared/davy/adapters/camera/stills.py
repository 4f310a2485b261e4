"""A URL that answers with one picture, as a camera: asked for options.fps times a second."""

import http.client
import threading
import time
from dataclasses import replace

from davy.adapters.camera.answer import Answer
from davy.adapters.camera.pace import Pace
from davy.adapters.camera.parts import pictures_of
from davy.adapters.camera.picture import ToPlanes, picture_of
from davy.domain.errors import CameraStalledError, CameraUnavailableError, InvalidInputError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions
from davy.domain.urls import redact

CHUNK_BYTES = 64 * 1024


class StillSource:
    """Asks for the picture that a URL shows, again and again; one that fails is tried again until timeout_s are over."""

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url, self._source = url, redact(url)
        self._fps, self._timeout_s, self._options = options.fps, options.timeout_s, options
        self._closing = threading.Event()
        self._pace, self._media_s = Pace(self._closing), 0.0
        self._to_planes = ToPlanes(options.size)
        self.damaged = 0

    def read(self) -> Frame:
        """The next picture, when it is due; captured_ns is its arrival.

        Raises:
            CameraStalledError: only damaged pictures came for timeout_s.
            CameraUnavailableError: none came for timeout_s, or the source was closed.
        """
        ends_s: float | None = None
        damage: InvalidInputError | None = None
        while True:
            on_time = self._pace.wait(self._media_s)
            self._media_s += 1 / self._fps
            if not on_time:
                raise CameraUnavailableError(self._source, "closed")
            began_s = time.monotonic()
            ends_s = began_s + self._timeout_s if ends_s is None else ends_s
            try:
                data = self._fetch(ends_s - began_s)
                captured_ns = time.time_ns()
                return Frame(self._to_planes.resize(picture_of(data)), captured_ns)
            except (CameraUnavailableError, InvalidInputError) as error:
                if isinstance(error, InvalidInputError):
                    self.damaged, damage = self.damaged + 1, error
                if time.monotonic() + 1 / self._fps > ends_s:
                    if damage is None:
                        raise
                    raise CameraStalledError(self._source, f"no whole picture for {self._timeout_s:g} s: {damage}") from error

    def set_fps(self, fps: float) -> bool:
        """Take another rate without being opened anew."""
        self._fps = fps
        return True

    def close(self) -> None:
        """End a read that waits."""
        self._closing.set()

    def _fetch(self, timeout_s: float) -> bytes:
        try:
            answer = Answer(self._url, replace(self._options, timeout_s=timeout_s))
        except http.client.HTTPException as error:
            raise CameraUnavailableError(self._source, "it speaks no HTTP") from error
        try:
            for picture in pictures_of(iter(lambda: answer.read(CHUNK_BYTES), b"")):
                return picture
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CameraUnavailableError(self._source, answer.reason(error)) from error
        finally:
            answer.close()
        raise CameraUnavailableError(self._source, f"its answer ({answer.kind or 'of no type'}) holds no picture")
