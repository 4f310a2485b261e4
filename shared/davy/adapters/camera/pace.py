"""When a frame is wanted: a cap for cameras that run by themselves, a clock for files that do not."""

import threading
import time

LATE_S = 0.5  # a file that is this late (a busy machine) goes on from now: it does not race to catch up


class RateCap:
    """At most fps frames a second of a source that delivers more, evenly."""

    def __init__(self, fps: float) -> None:
        self._period_s = 1 / fps
        self._due_s = float("-inf")

    def set_fps(self, fps: float) -> None:
        """Another rate, counted from the frame that was taken last: no two come at once."""
        period_s = 1 / fps
        self._due_s += period_s - self._period_s
        self._period_s = period_s

    def wants(self, now_s: float) -> bool:
        """Whether the frame that is there now is taken; now_s is any steadily growing time."""
        if now_s < self._due_s - 0.25 * self._period_s:  # cameras jitter: a quarter early still counts as on time
            return False
        self._due_s = max(self._due_s + self._period_s, now_s)
        return True


class Pace:
    """Waits until each frame of a file is due."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._start_s: float | None = None

    def wait(self, media_s: float) -> bool:
        """Sleep until media_s seconds after the first frame; False if the source was closed meanwhile."""
        now_s = time.monotonic()
        if self._start_s is None or now_s - (self._start_s + media_s) > LATE_S:
            self._start_s = now_s - media_s
        return not self._closing.wait(max(0.0, self._start_s + media_s - now_s))
