"""Tracks: detections of one camera joined over time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from norfair import Detection, Tracker
from norfair.distances import VectorizedDistance
from norfair.tracker import TrackedObject
from numpy.typing import NDArray
from supervision import Detections

MAX_DISTANCE = 1.0  # of two boxes, in heights of the box: at 2 looks/s nobody walks further in between
MAX_MISSED = 4  # looks without a detection; the track ends after them
CONFIRMED_AFTER = 1  # further detections before a track counts
Floats = NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Track:
    """One object at one instant.

    Args:
        id: Number, unique within the camera since the start.
        label: Class name.
        box: Left, top, right, bottom as fractions of the picture.
        score: Of the newest detection, in [0, 1].
        first_s: When the track began, in s of the caller's clock.
        seen: Whether this look found the object; false: its place is predicted.
    """

    id: int
    label: str
    box: Box
    score: float
    first_s: float
    seen: bool

    @property
    def foot(self) -> tuple[float, float]:
        """Where it stands: the middle of the lower side."""
        return (self.box[0] + self.box[2]) / 2, self.box[3]


class CameraTracker:
    """Joins the detections of one camera; Norfair predicts places and assigns detections to them."""

    def __init__(self) -> None:
        self._tracker = Tracker(
            distance_function="iou",
            distance_threshold=MAX_DISTANCE,
            hit_counter_max=MAX_MISSED,
            initialization_delay=CONFIRMED_AFTER,
        )
        self._tracker.distance_function = VectorizedDistance(_distances)  # the constructor of 2.4 takes names and scalars only
        self._first_s: dict[int, float] = {}

    def update(self, found: Detections, size: tuple[int, int], now_s: float) -> list[Track]:
        """Return the confirmed tracks.

        Args:
            found: Detections in px, with data["class_name"].
            size: Width and height of the picture, px.
            now_s: Time of the picture.
        """
        wide = size[0] / size[1]  # points keep the picture's proportions: one unit is its height
        corners = found.xyxy.reshape(-1, 2, 2) / size[1]
        scores = np.ones(len(found)) if found.confidence is None else found.confidence
        labels = found.data.get("class_name", np.full(len(found), "object"))
        detections = [
            Detection(points, scores=np.array([score, score]), label=str(label))
            for points, score, label in zip(corners, scores, labels, strict=True)
        ]
        objects = self._tracker.update(detections)
        self._first_s = {each.id: self._first_s.get(each.id, now_s) for each in objects}
        return [self._track(each, wide, detections) for each in objects]

    def _track(self, each: TrackedObject, wide: float, detections: Sequence[Detection]) -> Track:
        newest = each.last_detection
        seen = any(newest.points is detection.points for detection in detections)
        corners = newest.points if seen else each.estimate
        left, top, right, bottom = (float(value) for value in np.clip((corners / [wide, 1.0]).reshape(-1), 0, 1))
        return Track(
            int(each.id), str(newest.label), (left, top, right, bottom), float(newest.scores[0]), self._first_s[each.id], seen
        )


def _distances(candidates: Floats, objects: Floats) -> Floats:
    """Distance of the lower middles of boxes over the mean of their heights, shape (candidates, objects).

    Args:
        candidates: Left, top, right, bottom of detections, shape (C, 4).
        objects: The same of tracks, shape (T, 4).
    """
    feet = [np.stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]], axis=1) for boxes in (candidates, objects)]
    heights = (candidates[:, None, 3] - candidates[:, None, 1] + objects[None, :, 3] - objects[None, :, 1]) / 2
    return np.asarray(np.linalg.norm(feet[0][:, None] - feet[1][None], axis=2) / np.maximum(heights, 1e-3), np.float64)
