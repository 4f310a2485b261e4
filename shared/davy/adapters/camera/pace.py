"""When a frame is wanted: a cap for cameras that run by themselves, a clock for files that do not."""

import threading
import time

LATE_S = 0.5  # a file that is this late (a busy machine) goes on from now: it does not race to catch up
GAP_S = 2.0  # between two frames of a file: more is a gap in its recording, unless it is a time lapse
LONGEST_PERIOD_S = 10.0


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


class SteadyClock:
    """Time of a file's frames that always grows: gaps, jumps back and missing times are one frame long.

    Args:
        period_s: Time between two frames, as the file tells it.
    """

    def __init__(self, period_s: float) -> None:
        self._longest_s = max(GAP_S, 3 * min(period_s, LONGEST_PERIOD_S))
        self.step_s = min(period_s, LONGEST_PERIOD_S)
        self._last_s: float | None = None
        self._media_s = 0.0
        self._began = False

    def media_s(self, at_s: float | None) -> float:
        """Seconds since the first frame, of the frame that the file puts at at_s."""
        if self._began:
            step_s = at_s - self._last_s if at_s is not None and self._last_s is not None else self.step_s
            if 0 < step_s <= self._longest_s:
                self.step_s = step_s
            self._media_s += self.step_s
        self._began, self._last_s = True, at_s
        return self._media_s


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
