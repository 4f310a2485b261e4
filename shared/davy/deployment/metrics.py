"""Metrics of the models of an edge."""

from prometheus_client import CollectorRegistry, Counter

from davy.twin.metrics import TwinMetrics


class ModelMetrics(TwinMetrics):
    """Counts swaps, rejections by cause and replays of one edge, in addition to the metrics of every payload."""

    def __init__(self, edge: str, registry: CollectorRegistry) -> None:
        super().__init__("model", edge, registry)
        self._swaps = Counter("davy_model_swaps_total", "Model swaps.", ("edge",), registry=registry)
        self._refused = Counter(
            "davy_model_refused_total", "Models rejected or rolled back, by cause.", ("edge", "cause"), registry=registry
        )
        self._replays = Counter("davy_model_replays_total", "Desired models of a past epoch.", ("edge",), registry=registry)

    def count(self, decision: str, cause: str = "") -> None:
        """Count one decision about a desired model."""
        super().count(decision, cause)
        if decision == "applied":
            self._swaps.labels(self._edge).inc()
        elif decision == "rejected":
            self._refused.labels(self._edge, cause).inc()
        elif decision == "replayed":
            self._replays.labels(self._edge).inc()
