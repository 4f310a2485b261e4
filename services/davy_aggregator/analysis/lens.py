"""A lens that is covered, or dirty: coal dust and water settle on every camera underground."""

from collections.abc import Sequence

import cv2
import numpy as np

from davy.domain.severity import Severity
from davy_aggregator.analysis.base import Observation, Picture

BLOCKED_CONTRAST = 5.0  # of 255: spread of area means; the plainest simulated place has 20, real underground photographs 37
DIRTY_SHARE = 0.45  # of the sharpness that this camera once had
WARM_UP = 20  # pictures before a camera's own sharpness is known
FORGET = 0.002  # a move of the camera to a plainer scene is forgotten within some ten minutes at 1 fps


class Lens:
    """Contrast is the spread of area means, which amplified sensor noise does not feign; sharpness is the mean gradient of the
    picture over its contrast, compared with the best that the same camera has shown."""

    name, every_s = "lens", 0.0

    def __init__(self) -> None:
        self._pictures, self._best = 0, 0.0

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        areas = cv2.resize(picture.thumbnail, (16, 9), interpolation=cv2.INTER_AREA)
        contrast = float(areas.std())
        across, down = cv2.Sobel(picture.thumbnail, cv2.CV_32F, 1, 0), cv2.Sobel(picture.thumbnail, cv2.CV_32F, 0, 1)
        sharpness = float(np.hypot(across, down).mean() / (contrast + 4))
        blocked = contrast < BLOCKED_CONTRAST
        if not blocked:
            self._pictures += 1
            self._best = max(sharpness, self._best * (1 - FORGET))
        share = sharpness / self._best if self._best else 1.0
        dirty = not blocked and self._pictures > WARM_UP and share < DIRTY_SHARE
        figures = {"contrast": contrast, "sharpness": sharpness, "sharpness_share": share}
        return [
            Observation(
                "lens-blocked", blocked, Severity.ALARM, "the lens is covered, or no light is left", "the lens is free", figures
            ),
            Observation(
                "lens-dirty", dirty, Severity.WARNING, f"only {share:.0%} of the usual sharpness", "it is sharp again", figures
            ),
        ]
