"""Drift of each camera, as measured by its edge, for REST and Prometheus.

The training service adds a second measure, the distance of image embeddings.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from davy.domain.camera import CameraAddress
from davy.streams.camera_metrics import CAMERA, Matches
from davy_aggregator.live import LiveFrames
from davy_aggregator.presence import PresenceTracker


class DriftReading(BaseModel):
    """The drift of one camera, as measured by its edge."""

    state: Literal["unknown", "settling", "fits", "drifted"] = Field(
        "unknown", description="unknown: the edge has sent no stats. settling: the edge still learns the reference."
    )
    model: str = Field("", examples=["ispcnn-1a2b3c4d"], max_length=1000, description="Id of the active model.")
    score: FiniteFloat | None = Field(None, examples=[0.34], description="The largest of the reasons; 1 is a clear change.")
    reasons: dict[str, FiniteFloat] = Field(
        default_factory=dict, max_length=32, examples=[{"brightness": 0.34, "dark": 0.2, "left-uneven": 0.0}]
    )


UNKNOWN = DriftReading()  # of a camera whose edge has sent none


class DriftCollector(Collector):
    """Reads drift from the last stats of the edges; holds no state."""

    def __init__(self, live: LiveFrames, presence: PresenceTracker) -> None:
        self._live, self._presence = live, presence

    def read(self, camera: CameraAddress) -> DriftReading:
        try:
            drift = self._presence.camera_stats(camera).get("drift")
            return DriftReading.model_validate(drift) if drift else UNKNOWN
        except ValidationError:  # an edge of another version
            return DriftReading()

    def readings(self) -> dict[CameraAddress, DriftReading]:
        return {camera: self.read(camera) for camera in self._live.cameras}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the number of cameras by state."""
        gauge = GaugeMetricFamily("davy_drift_cameras", "Cameras by the state of their drift.", labels=("state",))
        for state, count in Counter(reading.state for reading in self.readings().values()).items():
            gauge.add_metric([state], count)
        yield gauge

    def collect_cameras(self, matches: Matches) -> Iterable[GaugeMetricFamily]:
        """Yield the drift of the cameras that match."""
        gauge = GaugeMetricFamily("davy_drift", "Drift of a camera's light; 1 is a clear change.", labels=CAMERA)
        for camera in self._live.cameras:
            if matches(camera.edge, camera.camera) and (score := self.read(camera).score) is not None:
                gauge.add_metric([camera.edge, camera.camera], score)
        yield gauge

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # known only when collected
