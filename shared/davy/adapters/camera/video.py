"""A video file as a camera."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from av.video.frame import VideoFrame

from davy.adapters.camera.pace import Pace, SteadyClock
from davy.adapters.camera.packets import Packets
from davy.adapters.camera.picture import ToPlanes
from davy.adapters.media import formats
from davy.domain.errors import CameraEndedError, CameraUnavailableError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions

DEFAULT_FPS = 25.0  # of a file that does not tell its own


class VideoFileSource:
    """A video file at its own speed, at most options.fps frames a second; it starts again at its end."""

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path, self._options = path, options
        self._closing = threading.Event()
        self._pace = Pace(self._closing)
        self._to_planes = ToPlanes(options.size)
        self._damaged_before = 0
        self._packets = self._open()
        self._frames = self._timed_frames()

    @property
    def damaged(self) -> int:
        """Frames that could not be decoded and were skipped."""
        return self._damaged_before + self._packets.damaged

    def read(self) -> Frame:
        """The next frame, when it is due.

        Raises:
            CameraUnavailableError: no frame of the file can be decoded, or the source was closed.
            CameraEndedError: the last frame was shown and options.loop is False.
        """
        found = next(self._frames, None)
        if found is None:
            raise CameraUnavailableError(str(self._path), "closed")
        media_s, frame = found
        pixels = self._to_planes(frame)
        if not self._pace.wait(media_s):
            raise CameraUnavailableError(str(self._path), "closed")
        return Frame(pixels, time.time_ns())

    def close(self) -> None:
        self._closing.set()
        self._packets.close()

    def _open(self) -> Packets:
        return Packets(f"file:{self._path}", self._options.timeout_s, options=dict(formats.FILE))

    def _timed_frames(self) -> Iterator[tuple[float, VideoFrame]]:
        """Frames that are wanted, each with its time in seconds since the first round began."""
        round_began_s = 0.0
        while True:
            clock = SteadyClock(1 / (self._packets.fps or DEFAULT_FPS))
            seen, media_s, wanted_s = False, 0.0, 0.0
            for frame in self._packets.frames():
                media_s, seen = clock.media_s(frame.time if frame.pts is not None else None), True
                if media_s >= wanted_s - clock.step_s / 2:  # a frame between two wanted ones goes unconverted
                    wanted_s = max(wanted_s + 1 / self._options.fps, media_s)
                    yield round_began_s + media_s, frame
            self._check_end(seen)
            round_began_s += media_s + clock.step_s
            self._damaged_before += self._packets.damaged
            self._packets.close()
            self._packets = self._open()

    def _check_end(self, seen: bool) -> None:
        if self._closing.is_set():
            raise CameraUnavailableError(str(self._path), "closed")
        if not seen:
            raise CameraUnavailableError(str(self._path), "not one frame of it can be decoded")
        if not self._options.loop:
            raise CameraEndedError(str(self._path), "every frame was shown")
