"""The components of one aggregator, for its interfaces."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from davy.access.principal import acting
from davy.adapters.access.directory import Directory
from davy.adapters.access.links import LinkSigner
from davy.adapters.access.oidc import OidcProvider
from davy.adapters.access.service import ServiceAccess
from davy.adapters.storage.layout_store import LayoutStore
from davy.domain.errors import OverloadedError
from davy.tracing import is_traced, record
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.archive import Archive
from davy_aggregator.config.service import ConfigService
from davy_aggregator.drift import DriftCollector
from davy_aggregator.edge_tasks import EdgeTasks
from davy_aggregator.health import Health
from davy_aggregator.journal import JournalWriter
from davy_aggregator.live import LiveFrame, LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.model_catalog import ModelCatalog
from davy_aggregator.outputs.hls import HlsStreams
from davy_aggregator.outputs.webrtc import WebRtcViewers
from davy_aggregator.recording.service import Recordings
from davy_aggregator.rollout.service import RolloutService
from davy_aggregator.samples.catalog import SampleCatalog
from davy_aggregator.settings import AggregatorSettings
from davy_aggregator.site_status import SiteStatus
from davy_aggregator.tiles import TilePictures
from davy_aggregator.video import LiveVideo


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """Components shared by all interfaces; `davy_aggregator.app.serve` makes it."""

    settings: AggregatorSettings
    live: LiveFrames
    archive: Archive
    site_status: SiteStatus
    health: Health
    metrics: AggregatorMetrics
    registry: CollectorRegistry
    catalog: ModelCatalog
    rollouts: RolloutService
    configs: ConfigService
    samples: SampleCatalog
    drift: DriftCollector
    alarms: AlarmService
    directory: Directory
    access: ServiceAccess
    journal: JournalWriter
    tiles: TilePictures
    video: LiveVideo
    links: LinkSigner
    webrtc: WebRtcViewers
    hls: HlsStreams
    layouts: LayoutStore
    recordings: Recordings
    oidc: OidcProvider | None = None
    edge_tasks: EdgeTasks = field(default_factory=EdgeTasks)
    streams: dict[str, int] = field(default_factory=dict)
    streams_of: dict[tuple[str, str], int] = field(default_factory=dict)  # by interface and caller

    @contextmanager
    def stream(self, via: str) -> Iterator[None]:
        """Count an open live stream.

        Raises:
            OverloadedError: max_streams streams of this interface are open, or max_streams_per_caller of this caller.
        """
        settings, own = self.settings, (via, acting().caller)
        if self.streams.get(via, 0) >= settings.max_streams:
            raise OverloadedError(f"the number of {via} streams", settings.max_streams)
        if self.streams_of.get(own, 0) >= settings.max_streams_per_caller:
            raise OverloadedError(f"the number of {via} streams of one caller", settings.max_streams_per_caller)
        self.streams[via] = self.streams.get(via, 0) + 1
        self.streams_of[own] = self.streams_of.get(own, 0) + 1
        self.metrics.subscribers.labels(via).inc()
        try:
            yield
        finally:
            self.streams[via] -= 1
            self.streams_of[own] -= 1
            if not self.streams_of[own]:
                del self.streams_of[own]
            self.metrics.subscribers.labels(via).dec()

    def count_sent(self, live: LiveFrame, via: str) -> None:
        labels = (live.frame.camera.edge, live.frame.camera.camera)
        self.metrics.sent.labels(*labels, via).inc()
        if is_traced(live.frame.traceparent):
            waited_ns = int((time.monotonic() - live.received_s) * 1e9)
            record(live.frame.traceparent, "show", time.time_ns() - waited_ns, camera=str(live.frame.camera), via=via)
        self.metrics.age.labels(*labels, via).observe(live.age_s())
