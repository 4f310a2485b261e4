"""Periodic observation of one camera's light, before and after enhancement."""

import time
from collections.abc import Callable

from davy.domain.frame import Frame, Pixels
from davy_edge.observation.light import Light, measure, reduced_luma

Observe = Callable[[Frame, Light, Light, str, float], None]
"""Receives a frame, the light of its raw and enhanced pixels, the model id, and the monotonic time in s."""


class FrameObserver:
    """Measures frames for its observers, on the pipeline's thread. An observation takes 2 ms at 1080p."""

    def __init__(self, *observers: Observe, every_s: float) -> None:
        self._observers, self._every_s, self._next_s = observers, every_s, 0.0

    def observe(self, frame: Frame, enhanced: Pixels, model: str) -> None:
        """Measure a frame if an observation is due. The caller may reuse enhanced after this call."""
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + self._every_s
        raw = measure(reduced_luma(frame.pixels))
        after = raw if enhanced is frame.pixels else measure(reduced_luma(enhanced))
        for observe in self._observers:
            observe(frame, raw, after, model, now_s)
