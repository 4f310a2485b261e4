"""The metrics of the aggregator."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from davy.telemetry import AGE_BUCKETS_S, WORK_BUCKETS_S

CAMERA = ("edge", "camera")


class AggregatorMetrics:
    """Counters and gauges of one aggregator, in the registry that it was given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.received = Counter(
            "davy_aggregator_frames_received_total", "Frames taken, by way.", (*CAMERA, "via"), registry=registry
        )
        self.dropped = Counter(
            "davy_aggregator_frames_dropped_total",
            "Frames not given to a consumer (stage), by reason. A consumer that asks for fewer frames a second drops the rest.",
            (*CAMERA, "stage", "reason"),
            registry=registry,
        )
        self.refused = Counter(
            "davy_aggregator_refused_total", "Messages refused, by interface and error.", ("via", "error"), registry=registry
        )
        self.age = Histogram(
            "davy_aggregator_frame_age_seconds",
            "Age of a frame at a stage: received, or sent by an interface.",
            (*CAMERA, "stage"),
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self.sent = Counter(
            "davy_aggregator_frames_sent_total", "Frames sent, by interface.", (*CAMERA, "via"), registry=registry
        )
        self.subscribers = Gauge("davy_aggregator_subscribers", "Open live streams, by interface.", ("via",), registry=registry)
        self.events = Counter(
            "davy_aggregator_events_stored_total", "Events stored.", ("edge", "kind", "severity"), registry=registry
        )
        self.duplicates = Counter(
            "davy_aggregator_events_duplicate_total", "Events that were stored already.", ("edge",), registry=registry
        )
        self.archive_bytes = Gauge("davy_aggregator_archive_bytes", "What the event archive holds.", registry=registry)
        self.commit = Histogram(
            "davy_aggregator_commit_duration_seconds",
            "Time to put a batch of events on disk.",
            buckets=WORK_BUCKETS_S,
            registry=registry,
        )
        self.up = Gauge("davy_aggregator_dependency_up", "1 where a dependency works.", ("dependency",), registry=registry)
        self.edge_online = Gauge("davy_aggregator_edge_online", "1 while the edge is online.", ("edge",), registry=registry)
        self.leads = Gauge("davy_aggregator_leads", "1 while this aggregator decides for its site.", registry=registry)
        self.figure = Gauge(
            "davy_analysis_figure", "Newest figure of an analyser.", (*CAMERA, "analyser", "figure"), registry=registry
        )
        self.analysis = Histogram(
            "davy_analysis_duration_seconds",
            "Time of one analyser on one frame.",
            ("analyser",),
            buckets=WORK_BUCKETS_S,
            registry=registry,
        )
        self.analysis_errors = Counter(
            "davy_analysis_errors_total", "Frames that an analyser could not use.", ("analyser",), registry=registry
        )

    def count_refused(self, error: Exception) -> None:
        """Count an MQTT message that is refused."""
        self.refused.labels("mqtt", type(error).__name__).inc()
