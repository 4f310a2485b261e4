"""Timing of frames: a rate limit for live cameras, a clock for files."""

import threading
import time

LATE_S = 0.5  # a file that is later continues at the current time, without catching up
GAP_S = 2.0  # a longer time between two frames is a gap in the recording, except in a time lapse
MAX_PERIOD_S = 10.0


class RateLimiter:
    """Accept at most fps frames per second, evenly spaced."""

    def __init__(self, fps: float) -> None:
        self._period_s = 1 / fps
        self._due_s = float("-inf")

    def set_fps(self, fps: float) -> None:
        """Change the rate, counted from the last accepted frame."""
        period_s = 1 / fps
        self._due_s += period_s - self._period_s
        self._period_s = period_s

    def accept(self, now_s: float) -> bool:
        """Accept or reject the present frame; now_s is any monotonic time."""
        if now_s < self._due_s - 0.25 * self._period_s:  # tolerates jitter of a quarter of the period
            return False
        self._due_s = max(self._due_s + self._period_s, now_s)
        return True


class SteadyClock:
    """Strictly growing time of a file's frames: gaps, jumps back and missing times last one frame.

    Args:
        period_s: Time between two frames according to the file.
    """

    def __init__(self, period_s: float) -> None:
        self._max_step_s = max(GAP_S, 3 * min(period_s, MAX_PERIOD_S))
        self.step_s = min(period_s, MAX_PERIOD_S)
        self._last_s: float | None = None
        self._media_s = 0.0
        self._started = False

    def media_s(self, at_s: float | None) -> float:
        """Seconds since the first frame, for the next frame with the time stamp at_s."""
        if self._started:
            step_s = at_s - self._last_s if at_s is not None and self._last_s is not None else self.step_s
            if 0 < step_s <= self._max_step_s:
                self.step_s = step_s
            self._media_s += self.step_s
        self._started, self._last_s = True, at_s
        return self._media_s


class Pacer:
    """Wait until each frame of a file is due."""

    def __init__(self, closing: threading.Event) -> None:
        self._closing = closing
        self._start_s: float | None = None

    def wait(self, media_s: float) -> bool:
        """Sleep until media_s seconds after the first frame; return False if the source was closed."""
        now_s = time.monotonic()
        if self._start_s is None or now_s - (self._start_s + media_s) > LATE_S:
            self._start_s = now_s - media_s
        return not self._closing.wait(max(0.0, self._start_s + media_s - now_s))
