"""Motion detection: a person, a machine, falling rock."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.analysis.base import Picture
from davy.domain.observation import Observation
from davy.domain.severity import Severity

LEARNING = 0.1  # weight of a picture in the background: at 1 fps a stopped object joins it after half a minute
CHANGE = 14.0  # of 255 in an area of 8x8 pixels; noise averaged over 64 pixels stays below 3
SHARE = 0.01  # of the picture: a person at 30 m in a 4 m roadway


class Motion:
    """Measures the share of the picture that differs from its running mean.

    A change of global brightness is compensated first, so that a flickering lamp is no motion.
    """

    name, every_s = "motion", 0.0

    def __init__(self) -> None:
        self._background: NDArray[np.float32] | None = None

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Compare the picture with the background."""
        now = cv2.GaussianBlur(picture.thumbnail, (5, 5), 0)
        if self._background is None:
            self._background = now.copy()
        gain = float((now.mean() + 1) / (self._background.mean() + 1))
        changed = np.abs(now - self._background * gain) > CHANGE
        cv2.accumulateWeighted(now, self._background, LEARNING)
        share = float(changed.mean())
        return [Observation("motion", share > SHARE, Severity.INFO, "motion in view", "no more motion", {"share": share})]
