"""People detection by OpenCV's HOG detector (Dalal and Triggs 2005), without a model file: upright, from 100 pixels tall."""

from collections.abc import Sequence

import cv2
import numpy as np

from davy.domain.severity import Severity
from davy_aggregator.analysis.base import Observation, Picture

MIN_WIDTH, MIN_HEIGHT = 96, 160  # pixels; OpenCV aborts the process if its 64x128 window does not fit
MIN_SCORE = 0.6  # distance from the SVM's plane; below it rails and props count as people


class Person:
    """Detects upright people. It needs opencv-contrib: OpenCV 5 moved HOG there."""

    name = "person"

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s
        self._hog = cv2.HOGDescriptor()
        self._hog.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        height, width = picture.gray.shape
        if height < MIN_HEIGHT or width < MIN_WIDTH:
            return []
        _, weights = self._hog.detectMultiScale(picture.gray, hitThreshold=0.2, winStride=(8, 8), padding=(8, 8), scale=1.1)
        scores = [float(score) for score in np.ravel(weights) if score >= MIN_SCORE]
        count, best = len(scores), max(scores, default=0.0)
        message = "a person is in view" if count == 1 else f"{count} people are in view"
        return [
            Observation("person", count > 0, Severity.INFO, message, "no more people in view", {"count": count, "score": best})
        ]
