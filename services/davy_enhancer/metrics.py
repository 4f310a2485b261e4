"""Metrics of requests; `davy.streams.metrics` counts the frames of the pool."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from davy.telemetry import WORK_BUCKETS_S


class RequestMetrics:
    """Requests for single pictures, by REST and gRPC together."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter("davy_enhance_requests_total", "Pictures asked for.", ("outcome",), registry=registry)
        self.inside = Gauge("davy_enhance_requests_inside", "Requests received and not answered.", registry=registry)
        self.stage = Histogram(
            "davy_enhance_stage_seconds",
            "Time in each stage: queue, decode, enhance, encode.",
            ("stage",),
            buckets=(*WORK_BUCKETS_S, 2.0, 5.0),
            registry=registry,
        )
        self.batch = Histogram(
            "davy_enhance_batch_size", "Requests that a thread took at once.", buckets=(1, 2, 4, 8, 16), registry=registry
        )
