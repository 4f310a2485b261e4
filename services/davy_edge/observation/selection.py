"""Which raw pictures are worth sending for training: those that the model makes least of, and what it has not been shown yet.

A fixed camera shows the same picture all day, so badness alone would send one picture again and again: what looks like a
picture that was sent already loses its value.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from davy_edge.observation.light import Light, scene_distance

# Where a measure of the enhanced picture counts as 1. In the simulated mine it is 0.000 dark, 0.002 clipped, 0.25 even.
DARK_FULL, CLIPPED_FULL, EVEN_NONE = 0.25, 0.05, 0.5
NEW_FROM = 0.5  # scene distance; 0.09 is the most that one simulated camera differs from itself within a minute
NOVEL = 0.2  # a difference from which on a picture has its full value
WORTH = 0.25  # of value, in [0, 1]
MEAN_SPAN = 64.0  # of luma: so much brighter or darker is a new light
BLIND_MEAN, BLIND_SHARE = 3.0, 0.98  # a covered lens or a dead camera teaches nothing
KEPT = 32  # pictures that a camera remembers to have sent; 144 floats each
HOUR_S = 3600.0


class Reason(StrEnum):
    """Why a picture was chosen."""

    DARK = "dark"
    UNEVEN = "uneven"
    OVER_EXPOSED = "over-exposed"
    NEW_SCENE = "new-scene"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a picture is worth, in [0, 1], and mostly for what."""

    reason: Reason
    value: float


def difference(one: Light, other: Light) -> float:
    """How different two pictures are in scene or light, from 0 to about 4."""
    return max(scene_distance(one.layout, other.layout), abs(one.mean - other.mean) / MEAN_SPAN)


def is_blind(raw: Light) -> bool:
    """Whether the lens is covered or the camera dead: all black, or all of one shade."""
    return raw.mean < BLIND_MEAN or float(raw.histogram.max()) > BLIND_SHARE


def judge(raw: Light, shown: Light, sent: Iterable[Light]) -> Verdict:
    """What a raw picture is worth.

    Args:
        shown: The light of what became of it; of itself, where it is not enhanced here.
        sent: Of the raw pictures that were sent of this camera.
    """
    scores = {
        Reason.DARK: min(1.0, shown.dark / DARK_FULL),
        Reason.UNEVEN: max(0.0, 1 - shown.evenness / EVEN_NONE),
        Reason.OVER_EXPOSED: min(1.0, shown.clipped / CLIPPED_FULL),
    }
    differences = [difference(raw, other) for other in sent]
    novelty = min(1.0, min(differences) / NOVEL) if differences else 1.0
    scores = {reason: score * novelty for reason, score in scores.items()}
    if not differences:
        scores[Reason.NEW_SCENE] = WORTH  # something of every camera, where nothing speaks for more
    elif min(differences) >= NEW_FROM:
        scores[Reason.NEW_SCENE] = min(1.0, min(differences))
    if is_blind(raw):
        return Verdict(Reason.DARK, 0.0)
    reason = max(scores, key=lambda each: scores[each])
    return Verdict(reason, scores[reason])


class Budget:
    """Bytes that may be sent within any hour."""

    def __init__(self, bytes_per_hour: int) -> None:
        self._limit = bytes_per_hour
        self._spent: deque[tuple[float, int]] = deque()

    def spend(self, size: int, now_s: float) -> bool:
        """Take size bytes if there is room for them; now_s is of a monotonic clock."""
        while self._spent and self._spent[0][0] <= now_s - HOUR_S:
            self._spent.popleft()
        if sum(each for _, each in self._spent) + size > self._limit:
            return False
        self._spent.append((now_s, size))
        return True
