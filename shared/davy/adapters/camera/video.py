"""A video file as a camera."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from av.video.frame import VideoFrame

from davy.adapters.camera.pace import Pacer, SteadyClock
from davy.adapters.camera.packets import Packets
from davy.adapters.camera.picture import PlaneConverter
from davy.adapters.media import formats
from davy.domain.errors import CameraEndedError, CameraUnavailableError
from davy.domain.frame import Frame
from davy.domain.ports import SourceOptions

DEFAULT_FPS = 25.0  # of a file without a frame rate


class VideoFileSource:
    """Play a video file at its own speed, at most options.fps frames per second, in a loop."""

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path, self._options = path, options
        self._closing = threading.Event()
        self._pace = Pacer(self._closing)
        self._convert_planes = PlaneConverter(options.size)
        self._damaged_before = 0
        self._packets = self._open()
        self._frames = self._timed_frames()

    @property
    def damaged(self) -> int:
        """Number of undecodable frames, which are skipped."""
        return self._damaged_before + self._packets.damaged

    def read(self) -> Frame:
        """Return the next frame when it is due.

        Raises:
            CameraUnavailableError: no frame of the file is decodable, or the source was closed.
            CameraEndedError: all frames were read and options.loop is False.
        """
        timed_frame = next(self._frames, None)
        if timed_frame is None:
            raise CameraUnavailableError(str(self._path), "closed")
        media_s, frame = timed_frame
        pixels = self._convert_planes(frame)
        if not self._pace.wait(media_s):
            raise CameraUnavailableError(str(self._path), "closed")
        return Frame(pixels, time.time_ns())

    def close(self) -> None:
        """End the source and a waiting read."""
        self._closing.set()
        self._packets.close()

    def _open(self) -> Packets:
        return Packets(f"file:{self._path}", self._options.timeout_s, options=dict(formats.FILE), decoder=self._options.decoder)

    def _timed_frames(self) -> Iterator[tuple[float, VideoFrame]]:
        """Yield the frames at the configured rate, each with its time in seconds since the start of the first round."""
        round_start_s = 0.0
        while True:
            clock = SteadyClock(1 / (self._packets.fps or DEFAULT_FPS))
            any_frame, media_s, due_s = False, 0.0, 0.0
            for frame in self._packets.frames():
                media_s, any_frame = clock.media_s(frame.time if frame.pts is not None else None), True
                if media_s >= due_s - clock.step_s / 2:  # skipped frames are not converted
                    due_s = max(due_s + 1 / self._options.fps, media_s)
                    yield round_start_s + media_s, frame
            self._check_end(any_frame)
            round_start_s += media_s + clock.step_s
            self._damaged_before += self._packets.damaged
            self._packets.close()
            self._packets = self._open()

    def _check_end(self, any_frame: bool) -> None:
        if self._closing.is_set():
            raise CameraUnavailableError(str(self._path), "closed")
        if not any_frame:
            raise CameraUnavailableError(str(self._path), "none of its frames is decodable")
        if not self._options.loop:
            raise CameraEndedError(str(self._path), "all frames were read")
