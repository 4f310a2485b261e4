"""What the interfaces of one aggregator share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from davy.domain.errors import OverloadedError
from davy_aggregator.archive import Archive
from davy_aggregator.config.service import Configurator
from davy_aggregator.drift import DriftBoard
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrame, LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.model_catalog import Shelf
from davy_aggregator.rollout.service import Controller
from davy_aggregator.samples.catalog import SampleShelf
from davy_aggregator.settings import AggregatorSettings
from davy_aggregator.site_status import Overview


@dataclass(frozen=True, slots=True)
class Parts:
    """Made by `davy_aggregator.app.serve`, handed to whatever answers requests."""

    settings: AggregatorSettings
    live: LiveFrames
    archive: Archive
    overview: Overview
    health: Health
    metrics: AggregatorMetrics
    registry: CollectorRegistry
    shelf: Shelf
    controller: Controller
    configurator: Configurator
    samples: SampleShelf
    drift: DriftBoard
    streams: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def stream(self, via: str) -> Iterator[None]:
        """Count an open live stream.

        Raises:
            OverloadedError: max_streams of this interface are open.
        """
        if self.streams.get(via, 0) >= self.settings.max_streams:
            raise OverloadedError(f"the list of {via} streams", self.settings.max_streams)
        self.streams[via] = self.streams.get(via, 0) + 1
        self.metrics.subscribers.labels(via).inc()
        try:
            yield
        finally:
            self.streams[via] -= 1
            self.metrics.subscribers.labels(via).dec()

    def count_sent(self, live: LiveFrame, via: str) -> None:
        labels = (live.frame.camera.edge, live.frame.camera.camera)
        self.metrics.sent.labels(*labels, via).inc()
        self.metrics.age.labels(*labels, via).observe(live.age_s())
