"""Which JPEG pictures of one camera are due: each sink has a rate and a size of its own."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from davy.adapters.camera.pace import RateLimiter
from davy.domain.drops import DropPoint
from davy.domain.video import Demand
from davy.site import CameraConfig


@dataclass(slots=True)
class SendPlan:
    """Decides for each frame of a camera which sinks get a JPEG of it.

    Args:
        sinks: The sinks of the edge.
        demand: Returns what the aggregator wants of the camera; callable from any thread.
    """

    sinks: Collection[DropPoint]
    demand: Callable[[], Demand]
    _limiters: dict[DropPoint, RateLimiter] = field(default_factory=dict)

    def due(self, config: CameraConfig, *, limited: bool = True) -> frozenset[DropPoint]:
        """Return the sinks that get the present frame.

        Args:
            config: Of the camera.
            limited: False for a thin camera, whose every frame goes to the pool.
        """
        now_s = time.monotonic()
        return frozenset(sink for sink in self.sinks if not limited or self._passes(sink, self._fps(sink, config), now_s))

    def wants_raw(self) -> bool:
        """Return whether the aggregator wants raw pictures."""
        return self.demand().raw

    def _fps(self, sink: DropPoint, config: CameraConfig) -> float | None:
        """Pictures per second of a sink; 0 for none, None for every frame."""
        if sink is DropPoint.MQTT:
            return config.mqtt.fps
        return self.demand().fps or None

    def _passes(self, sink: DropPoint, fps: float | None, now_s: float) -> bool:
        if fps is None or fps <= 0:
            return fps is None
        limiter = self._limiters.setdefault(sink, RateLimiter(fps))
        limiter.set_fps(fps)
        return limiter.accept(now_s)
