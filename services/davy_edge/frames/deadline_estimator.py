"""Estimates whether a frame meets its deadline: work on a frame that is dropped later delays all others."""

SMOOTHING = 0.3  # weight of the newest frame
DECAY = 0.9  # per rejected frame, so that a slow minute loses its weight


class DeadlineEstimator:
    """Estimates the processing time of one camera's frames from the previous ones. Used from one thread."""

    def __init__(self) -> None:
        self._typical_s = 0.0

    def record(self, seconds: float) -> None:
        """Record a processing time in s, including the wait for a processor."""
        self._typical_s += SMOOTHING * (seconds - self._typical_s)

    def would_expire(self, age_s: float, limit_s: float) -> bool:
        """Return whether a frame of this age, started now, would exceed the limit when it is done."""
        if age_s + self._typical_s <= limit_s:
            return False
        self._typical_s *= DECAY
        return True
