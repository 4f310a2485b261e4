"""The interface of an analyser: it receives reduced frames of one camera in order, and returns observations."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from davy.domain.frame import BgrImage
from davy.domain.observation import Observation


@dataclass
class Picture:
    """An enhanced frame at reduced size; derived images are computed once for all analysers.

    Args:
        bgr: (H, W, 3), uint8.
        captured_ns: Unix time in ns.
    """

    bgr: BgrImage
    captured_ns: int

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """(H, W), uint8."""
        return np.asarray(cv2.cvtColor(self.bgr, cv2.COLOR_BGR2GRAY), dtype=np.uint8)

    @cached_property
    def thumbnail(self) -> NDArray[np.float32]:
        """(90, 160), float32 in [0, 255]; each value is the mean of its area, which removes sensor noise."""
        return np.asarray(cv2.resize(self.gray, (160, 90), interpolation=cv2.INTER_AREA), dtype=np.float32)


class Analyser(Protocol):
    """Analyses the pictures of one camera. Used from one thread at a time."""

    name: str
    every_s: float
    """Minimum time between two pictures in s; 0 takes every picture."""

    def analyse(self, picture: Picture) -> Sequence[Observation]:
        """Return the observations. Be quick: cameras share the threads."""
        ...
