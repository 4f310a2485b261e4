"""A thread that keeps one camera open and passes its frames on."""

import contextvars  # log lines of a thread name the same edge
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum

from davy.domain.errors import CameraError, CameraStalledError, DavyError
from davy.domain.frame import Frame
from davy.domain.ports import FrameSource, OpenSource, SourceOptions
from davy.domain.secret_url import SecretUrl
from davy.streams.reconnect import Backoff
from davy.telemetry import get_logger

log = get_logger(__name__)

BACKOFF = Backoff(growth=2.0)
HANG_FACTOR, HANG_MARGIN_S = 2.0, 1.0  # longer than a source that keeps its own timeout is ever silent
OPEN_GRACE_S = 30.0  # opening may take longer than reading: DNS, a simulated mine
MAX_HANGING = 4  # threads that a broken driver may block; each takes some MB


class CameraState(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"  # cannot be opened, or the connection broke
    STALLED = "stalled"  # open and silent
    ERROR = "error"  # a wrong configuration, or a bug in Davy


OnState = Callable[[CameraState, str], None]


class Capture:
    """Opens and reopens the camera with backoff, and passes each frame to `accept`. `check` is its watchdog.

    Args:
        accept: Called with each frame, in this capture's thread.
        on_state: Called on every change of state or reason, in any thread.
    """

    def __init__(
        self,
        name: str,
        url: SecretUrl,
        options: SourceOptions,
        opener: OpenSource,
        accept: Callable[[Frame], None],
        on_state: OnState,
    ) -> None:
        self._name, self._url, self._options, self._opener = name, url, options, opener
        self._accept, self._on_state = accept, on_state
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._state: tuple[CameraState, str] | None = None
        self._generation = 0
        self._source: FrameSource | None = None
        self._last_frame_s = time.monotonic()
        self._threads: list[threading.Thread] = []
        self._damaged_before = 0

    @property
    def damaged(self) -> int:
        """Return the number of damaged frames that the source skipped."""
        return self._damaged_before + int(getattr(self._source, "damaged", 0))

    def start(self) -> None:
        self._last_frame_s = time.monotonic()
        self._generation += 1
        run = contextvars.copy_context().run
        name = f"capture.{self._name}"
        thread = threading.Thread(target=run, args=(self._run, self._generation), name=name, daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def set_fps(self, fps: float) -> bool:
        """Change the frame rate. Return False if that needs a reopened camera, or the camera is closed."""
        with self._lock:
            change: Callable[[float], bool] | None = getattr(self._source, "set_fps", None)
            if change is None or not change(fps):
                return False
            self._options = replace(self._options, fps=fps)
            return True

    def stop(self) -> None:
        """Close the camera and wait at most 2 s for its thread; abandon a thread that hangs in a driver."""
        self._stopping.set()
        self._close()
        for thread in self._threads:
            thread.join(2.0)

    def check(self) -> None:
        """Abandon a thread that hangs in its source, and start another."""
        limit_s = HANG_FACTOR * self._options.timeout_s + HANG_MARGIN_S
        last_data_s = max(self._last_frame_s, float(getattr(self._source, "last_data_s", 0.0)))  # a long GOP is no silence
        if self._stopping.is_set() or time.monotonic() - last_data_s < limit_s:
            return
        if sum(thread.is_alive() for thread in self._threads) > MAX_HANGING:
            self._report(CameraState.ERROR, f"{MAX_HANGING} attempts hang in the driver: restart this edge")
            return
        self._report(CameraState.STALLED, "the source hangs; the edge reopens it")
        self._close()
        self.start()

    def _run(self, generation: int) -> None:
        failures = 0
        while self._is_current(generation):
            try:
                self._read_frames(generation)
                return
            except CameraStalledError as error:
                state, reason = CameraState.STALLED, error.reason
            except CameraError as error:
                state, reason = CameraState.OFFLINE, error.reason
            except DavyError as error:
                state, reason = CameraState.ERROR, str(error)
            except Exception as error:
                log.exception("camera.failed", camera=self._name)
                state, reason = CameraState.ERROR, f"{type(error).__name__}: {error}"
            if not self._is_current(generation):
                return
            was_up = self._state is not None and self._state[0] is CameraState.ONLINE
            failures = 1 if was_up else failures + 1
            self._close()
            self._report(state, reason)
            wait_s = BACKOFF.wait_s(failures)
            log.warning("camera.lost", camera=self._name, state=state, error=reason, again_in_s=round(wait_s, 1))
            self._last_frame_s = time.monotonic() + wait_s  # no silence meanwhile
            self._stopping.wait(wait_s)
            self._last_frame_s = time.monotonic()

    def _read_frames(self, generation: int) -> None:
        """Read until the source fails, or until this thread is abandoned."""
        self._last_frame_s = time.monotonic() + OPEN_GRACE_S
        source = self._opener(self._url.get_secret_value(), self._options)
        self._last_frame_s = time.monotonic()
        with self._lock:
            if self._is_current(generation):
                self._source = source
        while self._is_current(generation):
            frame = source.read()
            if not self._is_current(generation):
                break
            self._last_frame_s = time.monotonic()
            self._accept(frame)
            self._report(CameraState.ONLINE, "")
        source.close()

    def _is_current(self, generation: int) -> bool:
        return generation == self._generation and not self._stopping.is_set()

    def _close(self) -> None:
        with self._lock:
            source, self._source = self._source, None
        if source is not None:
            self._damaged_before += int(getattr(source, "damaged", 0))
            source.close()

    def _report(self, state: CameraState, reason: str) -> None:
        if self._state != (state, reason):
            self._state = (state, reason)
            if state is CameraState.ONLINE:
                log.info("camera.online", camera=self._name, source=str(self._url))
            self._on_state(state, reason)
