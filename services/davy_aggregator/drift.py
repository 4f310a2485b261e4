"""How well the running model still fits each camera: as its edge measures it, for REST and for Prometheus.

A further measure joins here by camera and name of its reason: the distance of image embeddings, which needs the samples and a
network, is the training service's to measure.
"""

from collections.abc import Iterable
from typing import Literal

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from davy.domain.camera import CameraAddress
from davy_aggregator.live import LiveFrames
from davy_aggregator.presence import PresenceTracker


class DriftReading(BaseModel):
    """What an edge says of one camera."""

    state: Literal["unknown", "settling", "fits", "drifted"] = Field(
        "unknown", description="unknown: its edge has said nothing. settling: what is usual is still being learned."
    )
    model: str = Field("", examples=["ispcnn-1a2b3c4d"], max_length=1000, description="The model that this is about.")
    score: FiniteFloat | None = Field(None, examples=[0.34], description="The largest of the reasons; 1 is a clear change.")
    reasons: dict[str, FiniteFloat] = Field(
        default_factory=dict, max_length=32, examples=[{"brightness": 0.34, "dark": 0.2, "left-uneven": 0.0}]
    )


class DriftCollector(Collector):
    """Holds nothing itself: it reads what the edges last said."""

    def __init__(self, live: LiveFrames, roster: PresenceTracker) -> None:
        self._live, self._roster = live, roster

    def read(self, camera: CameraAddress) -> DriftReading:
        try:
            return DriftReading.model_validate(self._roster.camera_stats(camera).get("drift", {}))
        except ValidationError:  # whatever an edge of another version says
            return DriftReading()

    def readings(self) -> dict[CameraAddress, DriftReading]:
        return {camera: self.read(camera) for camera in self._live.cameras}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        gauge = GaugeMetricFamily("davy_drift", "Drift of a camera's light; 1 is a clear change.", labels=("edge", "camera"))
        for camera, reading in self.readings().items():
            if reading.score is not None:
                gauge.add_metric([camera.edge, camera.camera], reading.score)
        yield gauge

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # known only when collected
