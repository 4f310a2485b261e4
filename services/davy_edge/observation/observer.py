"""Looks at one camera's frames now and then, before and after enhancement, on behalf of whoever wants to know their light."""

import time
from collections.abc import Callable

from davy.domain.frame import Frame, Pixels
from davy_edge.observation.light import Light, measure, reduced_luma

Look = Callable[[Frame, Light, Light, str, float], None]
"""Takes a frame, the light of its raw and of its enhanced pixels, the model's id, and the time on a monotonic clock."""


class FrameObserver:
    """Used from one thread, the pipeline's. A look is 2 ms of work at 1080p."""

    def __init__(self, *looks: Look, every_s: float) -> None:
        self._looks, self._every_s, self._next_s = looks, every_s, 0.0

    def saw(self, frame: Frame, shown: Pixels, model: str) -> None:
        """A frame was enhanced to shown, which is not used beyond this call."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        raw = measure(reduced_luma(frame.pixels))
        after = raw if shown is frame.pixels else measure(reduced_luma(shown))
        for look in self._looks:
            look(frame, raw, after, model, now_s)
