"""Metrics of one payload on one edge."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class TwinMetrics:
    """The accepted epoch, and desired states by decision: applied, rejected, replayed, unreadable."""

    def __init__(self, name: str, edge: str, registry: CollectorRegistry) -> None:
        self._edge = edge
        self._epoch = Gauge(f"davy_{name}_epoch", "Highest epoch accepted of a desired state.", ["edge"], registry=registry)
        self._desired = Counter(
            f"davy_{name}_desired_total", "Desired states, by decision.", ["edge", "verdict"], registry=registry
        )

    def epoch(self, epoch: int) -> None:
        """Set the highest accepted epoch."""
        self._epoch.labels(self._edge).set(epoch)

    def count(self, decision: str, cause: str = "") -> None:  # noqa: ARG002  # a payload may count causes
        """Count one decision about a desired state."""
        self._desired.labels(self._edge, decision).inc()
