"""What is counted and told of an edge's models."""

from collections.abc import Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class Note(Protocol):
    """Tells an event of this edge."""

    def __call__(self, kind: str, message: str, severity: int, *, figures: Mapping[str, float] | None = None) -> None: ...


class ModelMetrics:
    """What is counted of an edge's models."""

    def __init__(self, edge: str, registry: CollectorRegistry) -> None:
        self._edge = edge
        self._epoch = Gauge("davy_model_epoch", "The highest epoch of a desired model seen.", ("edge",), registry=registry)
        self._swaps = Counter("davy_model_swaps_total", "Models put on stage.", ("edge",), registry=registry)
        self._refused = Counter(
            "davy_model_refused_total", "Models refused or taken back, by cause.", ("edge", "cause"), registry=registry
        )
        self._replays = Counter(
            "davy_model_replays_total", "Desired models of an epoch that is over.", ("edge",), registry=registry
        )

    def epoch(self, epoch: int) -> None:
        self._epoch.labels(self._edge).set(epoch)

    def swapped(self) -> None:
        self._swaps.labels(self._edge).inc()

    def refused(self, cause: str) -> None:
        self._refused.labels(self._edge, cause).inc()

    def replayed(self) -> None:
        self._replays.labels(self._edge).inc()
