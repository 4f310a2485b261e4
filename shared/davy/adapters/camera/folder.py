"""A folder of pictures as a camera."""

import threading
import time
from pathlib import Path

from davy.adapters.camera.pace import Pace
from davy.adapters.camera.picture import ToPlanes, read_picture
from davy.domain.errors import CameraEndedError, CameraUnavailableError, InvalidInputError
from davy.domain.frame import Frame, Pixels
from davy.domain.ports import SourceOptions
from davy.telemetry import get_logger

log = get_logger(__name__)


class FolderSource:
    """The pictures of a folder in the order of their names, options.fps a second; or one picture, again and again.

    The folder is listed anew in every round, so pictures may come and go. `damaged` counts unreadable ones, once each.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path, self._options = path, options
        self._closing = threading.Event()
        self._pace = Pace(self._closing)
        self._to_planes = ToPlanes(options.size)
        self._waiting: list[Path] = []
        self._unreadable: set[Path] = set()
        self._shown, self._reason = False, ""
        self._fps, self._media_s = options.fps, 0.0
        self._list()

    @property
    def damaged(self) -> int:
        return len(self._unreadable)

    def read(self) -> Frame:
        """The next picture, when it is due.

        Raises:
            CameraUnavailableError: no picture is left that can be read, or the source was closed.
            CameraEndedError: the last picture was shown and options.loop is False.
        """
        pixels = self._next_readable()
        on_time = self._pace.wait(self._media_s)
        self._media_s += 1 / self._fps
        if not on_time:
            raise CameraUnavailableError(str(self._path), "closed")
        return Frame(pixels, time.time_ns())

    def set_fps(self, fps: float) -> bool:
        """Take another rate without being opened anew, from the frame after the next on: no two come at once."""
        self._fps = fps
        return True

    def close(self) -> None:
        self._closing.set()

    def _next_readable(self) -> Pixels:
        rounds = 0
        while not self._closing.is_set():
            if not self._waiting:
                rounds += 1
                if not self._options.loop and self._shown:
                    raise CameraEndedError(str(self._path), "every picture was shown")
                if rounds > 1 or (not self._options.loop and self._reason):
                    raise CameraUnavailableError(str(self._path), self._unreadable_reason())
                self._list()
            path = self._waiting.pop(0)
            try:
                pixels = self._to_planes.resize(read_picture(path))
                self._shown = True
                return pixels
            except (InvalidInputError, OSError) as error:
                self._reason = str(error)
                if path not in self._unreadable:
                    self._unreadable.add(path)
                    log.warning("camera.unreadable", file=str(path), error=str(error))
        raise CameraUnavailableError(str(self._path), "closed")

    def _unreadable_reason(self) -> str:
        count = len(self._list())
        return self._reason if count == 1 else f"none of its {count} pictures can be read; the last one: {self._reason}"

    def _list(self) -> list[Path]:
        try:
            found = [self._path] if self._path.is_file() else sorted(self._path.iterdir())
        except OSError as error:
            raise CameraUnavailableError(str(self._path), f"the folder cannot be listed: {error.strerror}") from error
        self._waiting = _pictures(found) if self._path.is_dir() else found
        if not self._waiting:
            raise CameraUnavailableError(str(self._path), f"the folder holds no picture: put files of {_kinds()} there")
        return self._waiting


def _pictures(paths: list[Path]) -> list[Path]:
    from davy.adapters.media.listing import is_housekeeping, is_picture  # Pillow: an edge starts without

    return [path for path in paths if not is_housekeeping(Path(path.name)) and path.is_file() and is_picture(path)]


def _kinds() -> str:
    from davy.adapters.media.images import ImageFormat

    return ", ".join(kind.name for kind in ImageFormat)
