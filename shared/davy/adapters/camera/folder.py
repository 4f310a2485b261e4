"""A folder of pictures as a camera."""

import threading
import time
from pathlib import Path

from davy.adapters.camera.pace import Pacer
from davy.adapters.camera.picture import PlaneConverter, read_picture
from davy.domain.errors import CameraEndedError, CameraUnavailableError, InvalidInputError
from davy.domain.frame import Frame, Pixels
from davy.domain.ports import SourceOptions
from davy.telemetry import get_logger

log = get_logger(__name__)


class FolderSource:
    """Play the pictures of a folder in the order of their names, at options.fps; or repeat one picture.

    The folder is listed again in every round. `damaged` counts unreadable files.
    """

    def __init__(self, path: Path, options: SourceOptions) -> None:
        self._path, self._options = path, options
        self._closing = threading.Event()
        self._pace = Pacer(self._closing)
        self._convert_planes = PlaneConverter(options.size)
        self._pending: list[Path] = []
        self._unreadable: set[Path] = set()
        self._any_read, self._reason = False, ""
        self._fps, self._media_s = options.fps, 0.0
        self._list()

    @property
    def damaged(self) -> int:
        """Number of unreadable files."""
        return len(self._unreadable)

    def read(self) -> Frame:
        """Return the next picture when it is due.

        Raises:
            CameraUnavailableError: no picture is readable, or the source was closed.
            CameraEndedError: all pictures were read and options.loop is False.
        """
        pixels = self._next_readable()
        on_time = self._pace.wait(self._media_s)
        self._media_s += 1 / self._fps
        if not on_time:
            raise CameraUnavailableError(str(self._path), "closed")
        return Frame(pixels, time.time_ns())

    def set_fps(self, fps: float) -> bool:
        """Change the frame rate, effective after the next frame; return True."""
        self._fps = fps
        return True

    def close(self) -> None:
        """End the source and a waiting read."""
        self._closing.set()

    def _next_readable(self) -> Pixels:
        rounds = 0
        while not self._closing.is_set():
            if not self._pending:
                rounds += 1
                if not self._options.loop and self._any_read:
                    raise CameraEndedError(str(self._path), "all pictures were read")
                if rounds > 1 or (not self._options.loop and self._reason):
                    raise CameraUnavailableError(str(self._path), self._unreadable_reason())
                self._list()
            path = self._pending.pop(0)
            try:
                pixels = self._convert_planes.resize(read_picture(path))
                self._any_read = True
                return pixels
            except (InvalidInputError, OSError) as error:
                self._reason = str(error)
                if path not in self._unreadable:
                    self._unreadable.add(path)
                    log.warning("camera.unreadable", file=str(path), error=str(error))
        raise CameraUnavailableError(str(self._path), "closed")

    def _unreadable_reason(self) -> str:
        count = len(self._list())
        return self._reason if count == 1 else f"none of its {count} pictures is readable; the last one: {self._reason}"

    def _list(self) -> list[Path]:
        try:
            paths = [self._path] if self._path.is_file() else sorted(self._path.iterdir())
        except OSError as error:
            raise CameraUnavailableError(str(self._path), f"the folder cannot be listed: {error.strerror}") from error
        self._pending = _pictures(paths) if self._path.is_dir() else paths
        if not self._pending:
            raise CameraUnavailableError(str(self._path), f"the folder holds no picture: add files of {_kinds()}")
        return self._pending


def _pictures(paths: list[Path]) -> list[Path]:
    from davy.adapters.media.listing import is_housekeeping, is_picture  # Pillow is not loaded at the start of an edge

    return [path for path in paths if not is_housekeeping(Path(path.name)) and path.is_file() and is_picture(path)]


def _kinds() -> str:
    from davy.adapters.media.images import ImageFormat

    return ", ".join(kind.name for kind in ImageFormat)
