"""Detection of a covered or dirty lens: coal dust and water reach every camera underground."""

from collections.abc import Sequence

import cv2
import numpy as np

from davy.analysis.base import Picture
from davy.domain.observation import Observation
from davy.domain.severity import Severity

BLOCKED_CONTRAST = 5.0  # of 255: deviation of area means; the plainest simulated place has 20, real photographs 37
DIRTY_SHARE = 0.45  # of the best sharpness of this camera
WARM_UP = 20  # pictures before the best sharpness is known
DECAY = 0.002  # per picture; at 1 fps a move to a plainer scene is forgotten within ten minutes


class Lens:
    """Measures contrast and sharpness of a camera.

    Contrast is the deviation of area means: amplified sensor noise does not raise it. Sharpness is the mean gradient over the
    contrast, compared with the best of the same camera.
    """

    name, every_s = "lens", 0.0

    def __init__(self) -> None:
        self._pictures, self._best = 0, 0.0

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Compare the contrast of the picture with the best so far."""
        areas = cv2.resize(picture.thumbnail, (16, 9), interpolation=cv2.INTER_AREA)
        contrast = float(areas.std())
        across, down = cv2.Sobel(picture.thumbnail, cv2.CV_32F, 1, 0), cv2.Sobel(picture.thumbnail, cv2.CV_32F, 0, 1)
        sharpness = float(np.hypot(across, down).mean() / (contrast + 4))
        blocked = contrast < BLOCKED_CONTRAST
        if not blocked:
            self._pictures += 1
            self._best = max(sharpness, self._best * (1 - DECAY))
        share = sharpness / self._best if self._best else 1.0
        dirty = not blocked and self._pictures > WARM_UP and share < DIRTY_SHARE
        figures = {"contrast": contrast, "sharpness": sharpness, "sharpness_share": share}
        return [
            Observation(
                "lens-blocked",
                blocked,
                Severity.ALARM,
                "the lens is covered, or there is no light",
                "the lens is clear",
                figures,
            ),
            Observation(
                "lens-dirty",
                dirty,
                Severity.WARNING,
                f"the image has only {share:.0%} of its usual sharpness",
                "the image is sharp again",
                figures,
            ),
        ]
