"""Metrics of the aggregator."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from davy.streams.camera_metrics import CameraMetrics
from davy.telemetry import AGE_BUCKETS_S, DURATION_BUCKETS_S

MAX_KINDS = 64  # of events: an edge can invent any number of them, and each is a time series for ever
OTHER_KIND = "other"


class AggregatorMetrics:
    """Counters, gauges and histograms of one aggregator. What grows with the cameras is in `cameras`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.cameras = CameraMetrics(registry, "davy_aggregator")
        self.received = self.cameras.counter("frames_received", "Frames received, by interface.", ("via",))
        self.received_bytes = self.cameras.counter(
            "received_bytes", "Bytes of the pictures and packets received, by interface.", ("via",)
        )
        self.dropped = self.cameras.counter(
            "frames_dropped",
            "Frames not delivered to a consumer (label stage), by reason. A consumer with a lower frame rate drops the others.",
            ("stage", "reason"),
        )
        self.refused = Counter(
            "davy_aggregator_refused_total", "Rejected messages, by interface and error.", ("via", "error"), registry=registry
        )
        self.throttled = Counter(
            "davy_aggregator_frames_throttled_total",
            "Frames whose credit had to wait, as more came than max_frames_s.",
            registry=registry,
        )
        self.age = self.cameras.histogram(
            "frame_age_seconds",
            "Age of a frame on receipt (stage received), or when an interface sends it.",
            AGE_BUCKETS_S,
            ("stage",),
        )
        self.sent = self.cameras.counter("frames_sent", "Frames sent, by interface.", ("via",))
        self.tiles = Counter(
            "davy_aggregator_tiles_total",
            "Pictures for tiles, by result: scaled, shared with another viewer, or original.",
            ("result",),
            registry=registry,
        )
        self.subscribers = Gauge("davy_aggregator_subscribers", "Open live streams, by interface.", ("via",), registry=registry)
        self._kinds: set[str] = set()
        self.events = Counter("davy_aggregator_events_stored_total", "Events stored.", ("kind", "severity"), registry=registry)
        self.duplicates = Counter(
            "davy_aggregator_events_duplicate_total", "Received events that were already stored.", registry=registry
        )
        self.archive_bytes = Gauge("davy_aggregator_archive_bytes", "Size of the event archive in bytes.", registry=registry)
        self.commit = Histogram(
            "davy_aggregator_commit_duration_seconds",
            "Time to write a batch of events to disk.",
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self.up = Gauge(
            "davy_aggregator_dependency_up", "1 while a dependency is available.", ("dependency",), registry=registry
        )
        self.edge_online = Gauge("davy_aggregator_edge_online", "1 while the edge is online.", ("edge",), registry=registry)
        self.clock_skew = Gauge(
            "davy_aggregator_clock_skew_seconds",
            "Lag of an edge's clock behind this one; edges that have always been within 2 s have no series.",
            ("edge",),
            registry=registry,
        )
        self.replicas = Gauge(
            "davy_aggregator_replicas", "Other aggregators of the site that this one hears.", registry=registry
        )
        self.leads = Gauge("davy_aggregator_leads", "1 while this aggregator decides for its site.", registry=registry)
        self.figure = self.cameras.gauge("davy_analysis_figure", "Newest figure of an analyser.", ("analyser", "figure"))
        self.analysis = Histogram(
            "davy_analysis_duration_seconds",
            "Time of one analyser on one frame.",
            ("analyser",),
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self.analysis_errors = Counter(
            "davy_analysis_errors_total", "Frames on which an analyser failed.", ("analyser",), registry=registry
        )

    def count_event(self, kind: str, severity: int) -> None:
        """Count a stored event; kinds beyond MAX_KINDS are counted together."""
        if len(self._kinds) < MAX_KINDS:
            self._kinds.add(kind)
        self.events.labels(kind if kind in self._kinds else OTHER_KIND, str(severity)).inc()

    def count_refused(self, error: Exception) -> None:
        """Count a rejected MQTT message."""
        self.refused.labels("mqtt", type(error).__name__).inc()

    def count_replica_refused(self, error: Exception) -> None:
        """Count a message of another replica that is refused."""
        self.refused.labels("replica", type(error).__name__).inc()
