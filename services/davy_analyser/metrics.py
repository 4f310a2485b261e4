"""Figures of one analyser."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from davy.domain.drops import DropReason
from davy.telemetry import AGE_BUCKETS_S, DURATION_BUCKETS_S


class AnalyserMetrics:
    """Metrics; none is by camera, as an analyser has any number of them.

    Args:
        registry: Receives them.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connected = Gauge("davy_analyser_connected", "1 while the aggregator assigns cameras.", registry=registry)
        self.cameras = Gauge("davy_analyser_cameras", "Assigned cameras.", registry=registry)
        self.received = Counter("davy_analyser_frames_received_total", "Frames received.", registry=registry)
        self.dropped = Counter(
            "davy_analyser_frames_dropped_total", "Frames that no analyser saw, by reason.", ["reason"], registry=registry
        )
        self.look = Histogram(
            "davy_analyser_look_seconds", "Time of one look at a camera.", buckets=DURATION_BUCKETS_S, registry=registry
        )
        self.age = Histogram(
            "davy_analyser_age_seconds", "Age of a frame when its look ended.", buckets=AGE_BUCKETS_S, registry=registry
        )

    def count_drop(self, reason: DropReason) -> None:
        """Count a frame that was not looked at."""
        self.dropped.labels(reason).inc()
