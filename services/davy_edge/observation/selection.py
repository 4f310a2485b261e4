"""Selection of raw images for training: those that the model enhances worst, and new scenes.

A fixed camera shows the same scene all day. An image that resembles one already sent therefore loses its score.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from davy_edge.observation.light import Light, scene_distance

# Measures of the enhanced image that count as 1. The simulated mine has 0.000 dark, 0.002 clipped, 0.25 even.
DARK_FULL, CLIPPED_FULL, EVEN_NONE = 0.25, 0.05, 0.5
NEW_FROM = 0.5  # scene distance; one simulated camera differs from itself by at most 0.09 within a minute
NOVEL = 0.2  # minimum difference for the full score
MIN_SCORE = 0.25  # in [0, 1]
MEAN_SPAN = 64.0  # luma difference that counts as new light
BLIND_MEAN, BLIND_SHARE = 3.0, 0.98  # limits of a covered lens or a dead camera
KEPT = 32  # sent images remembered per camera; 144 floats each
HOUR_S = 3600.0


class Reason(StrEnum):
    """Reason for choosing an image."""

    DARK = "dark"
    UNEVEN = "uneven"
    OVER_EXPOSED = "over-exposed"
    NEW_SCENE = "new-scene"


@dataclass(frozen=True, slots=True)
class Score:
    """Training value of an image in [0, 1], and its main reason."""

    reason: Reason
    value: float


def difference(one: Light, other: Light) -> float:
    """Return the difference of two images in scene or light, from 0 to about 4."""
    return max(scene_distance(one.layout, other.layout), abs(one.mean - other.mean) / MEAN_SPAN)


def is_blind(raw: Light) -> bool:
    """Return whether the image is all black or of one shade: a covered lens or a dead camera."""
    return raw.mean < BLIND_MEAN or float(raw.histogram.max()) > BLIND_SHARE


def score_image(raw: Light, shown: Light, sent: Iterable[Light]) -> Score:
    """Return the training value of a raw image.

    Args:
        shown: Light of the enhanced image; of the raw one without edge compute.
        sent: Light of the raw images already sent of this camera.
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
        scores[Reason.NEW_SCENE] = MIN_SCORE  # the first sample of every camera
    elif min(differences) >= NEW_FROM:
        scores[Reason.NEW_SCENE] = min(1.0, min(differences))
    if is_blind(raw):
        return Score(Reason.DARK, 0.0)
    reason = max(scores, key=lambda each: scores[each])
    return Score(reason, scores[reason])


class ByteRateLimiter:
    """Limits the bytes sent within any hour."""

    def __init__(self, bytes_per_hour: int) -> None:
        self._limit = bytes_per_hour
        self._spent: deque[tuple[float, int]] = deque()

    def spend(self, size: int, now_s: float) -> bool:
        """Take size bytes if the limit allows; now_s is of a monotonic clock. Return whether it does."""
        while self._spent and self._spent[0][0] <= now_s - HOUR_S:
            self._spent.popleft()
        if sum(each for _, each in self._spent) + size > self._limit:
            return False
        self._spent.append((now_s, size))
        return True
