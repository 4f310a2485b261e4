"""Uniformity of illumination, and its change: a lamp that failed or was moved."""

from collections.abc import Sequence

import numpy as np

from davy.analysis.base import Picture
from davy.domain.observation import Observation
from davy.domain.severity import Severity

DISPLAY_GAMMA = 2.2
REFERENCE_WEIGHT = 0.02  # weight of a new picture in the reference: one minute at 1 fps
PRESENT_WEIGHT = 0.4  # weight of a new picture in the present light
WARM_UP = 10  # pictures before a change can be reported
DARK_LEVEL, DARK_SHARE = 12.0, 0.985  # of 255, and of the enhanced picture: nothing is left to see
FACTOR = 1.6  # reported ratio of brightness or uniformity to the reference, or its inverse


class Illumination:
    """Measures uniformity: the 5th percentile of linear luminance over its mean, 0 (a spot in the dark) to 1 (even).

    Source: EN 12464-1 defines it as minimum over mean illuminance.
    """

    name, every_s = "illumination", 0.0

    def __init__(self) -> None:
        self._pictures = 0
        self._reference = self._now = np.zeros(2)

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Compare the light of the picture with the limits."""
        linear = (picture.thumbnail / 255) ** DISPLAY_GAMMA
        mean = float(linear.mean())
        uniformity = float(np.percentile(linear, 5) / (mean + 1e-6))
        self._learn(np.array([mean, uniformity]))
        ratios = (self._now + 0.002) / (self._reference + 0.002)  # near black every ratio is noise
        changed = self._pictures > WARM_UP and bool((np.maximum(ratios, 1 / ratios) > FACTOR).any())
        figures = {
            "mean": mean,
            "uniformity": uniformity,
            "dark_share": float((picture.thumbnail < 16).mean()),
            "blown_share": float((picture.thumbnail > 250).mean()),
        }
        message = f"the light has changed: mean {ratios[0]:.0%} and uniformity {ratios[1]:.0%} of the reference"
        dark = float((picture.thumbnail < DARK_LEVEL).mean()) > DARK_SHARE
        return [
            Observation(
                "illumination-change", changed, Severity.WARNING, message, "the light is back at the reference", figures
            ),
            Observation("dark", dark, Severity.ALARM, "the picture is dark", "the picture shows something again", figures),
        ]

    def _learn(self, measured: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> None:
        if not self._pictures:
            self._reference = self._now = measured
        self._pictures += 1
        weight = max(REFERENCE_WEIGHT, 1 / self._pictures)  # a plain mean at first
        self._reference = self._reference + weight * (measured - self._reference)
        self._now = self._now + PRESENT_WEIGHT * (measured - self._now)
