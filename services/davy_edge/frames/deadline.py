"""Whether a frame would still come out in time: work that ends in the bin makes every other frame later, too."""

SMOOTHING = 0.3  # of the newest frame in the usual time
FORGETTING = 0.9  # per frame that was refused: a slow minute is not believed for ever


class DeadlineEstimator:
    """How long one camera's frames are worked on, from those before. Used from one thread."""

    def __init__(self) -> None:
        self._usual_s = 0.0

    def took(self, seconds: float) -> None:
        """A frame was worked on for so long, waiting for a processor included."""
        self._usual_s += SMOOTHING * (seconds - self._usual_s)

    def is_hopeless(self, age_s: float, limit_s: float) -> bool:
        """Whether a frame of this age, begun now, would be older than the limit when it is done."""
        if age_s + self._usual_s <= limit_s:
            return False
        self._usual_s *= FORGETTING
        return True
