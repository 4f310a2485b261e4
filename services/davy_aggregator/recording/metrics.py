"""Metrics of the recordings."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class RecordingMetrics:
    """Counters and gauges of the aggregator's recordings."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.bytes = Gauge("davy_recording_bytes", "Recorded video in bytes.", registry=registry)
        self.unsent = Gauge(
            "davy_recording_unsent_segments", "Segments that wait for the object storage, on the local disk.", registry=registry
        )
        self.segments = Counter(
            "davy_recording_segments_total",
            "Segments of recorded video, from live video and from rings.",
            ("edge", "camera", "variant"),
            registry=registry,
        )
        self.filled = Counter(
            "davy_recording_filled_total", "Segments that came from an edge's ring.", ("edge",), registry=registry
        )
        self.refused = Counter(
            "davy_recording_refused_total",
            "Segments of an edge's ring that were damaged, or not what they were listed as.",
            ("edge",),
            registry=registry,
        )
