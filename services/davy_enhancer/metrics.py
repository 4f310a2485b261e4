"""Metrics of image requests. `davy.streams.metrics` counts the frames of the pool."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from davy.telemetry import DURATION_BUCKETS_S


class RequestMetrics:
    """Requests for single images, over REST and gRPC."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "davy_enhance_requests_total", "Requests for single images, by outcome.", ("outcome",), registry=registry
        )
        self.inside = Gauge("davy_enhance_requests_inside", "Requests in the service.", registry=registry)
        self.stage = Histogram(
            "davy_enhance_stage_seconds",
            "Time of each processing step (label stage): queue, decode, enhance, encode.",
            ("stage",),
            buckets=(*DURATION_BUCKETS_S, 2.0, 5.0),
            registry=registry,
        )
        self.batch = Histogram(
            "davy_enhance_batch_size", "Requests per batch of a thread.", buckets=(1, 2, 4, 8, 16), registry=registry
        )
