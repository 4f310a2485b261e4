"""Reference of the metrics, from the collectors that each class really registers."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from docs_markdown import cell, code, page, sentence, table
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from davy.adapters.access.service import ServiceAccess
from davy.adapters.http.listen_settings import ListenSettings
from davy.adapters.tls.identity_files import ExpiryCollector, refused_counter
from davy.deployment.metrics import ModelMetrics
from davy.domain.topics import CONFIG
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameCollector, FrameTimings, labels_of_edge
from davy.streams.supervisor import Supervisor
from davy.twin.metrics import TwinMetrics
from davy_aggregator.alarms.metrics import AlarmMetrics
from davy_aggregator.analysis.workers import WorkerMetrics
from davy_aggregator.drift import DriftCollector
from davy_aggregator.journal import JournalMetrics
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.recording.metrics import RecordingMetrics
from davy_aggregator.samples.catalog import SampleMetrics
from davy_analyser.metrics import AnalyserMetrics
from davy_company.metrics import CompanyMetrics
from davy_edge.metrics import GAUGES, GaugeCollector, VideoMetrics
from davy_edge.observation.drift_watch import DriftWatch
from davy_edge.observation.samples import Samples
from davy_enhancer.metrics import RequestMetrics
from davy_enhancer.pool import Pool
from davy_trainer.service.metrics import TrainerMetrics

INTRO = """
Every service exports Prometheus metrics at `GET /metrics`; an edge does so where `DAVY_EDGE_METRICS_PORT` is set.
[Accounting and ages](../explanation/accounting.md) explains the frame counters.

An aggregator and an enhancer have all cameras of a site. Their `/metrics` shows sums over the cameras, without the labels edge
and camera: 1,000 cameras stay below 100 kB. `GET /metrics/cameras?camera=north/*` shows single cameras: the metrics below named
`davy_aggregator_camera_...`, and `davy_camera_X` for each `davy_X` below with the labels edge and camera. Repeat `camera` for
further patterns. Histograms have fixed buckets: the Python client of Prometheus exports no native histograms.

```yaml
scrape_configs:
  - job_name: aggregator
    static_configs: [{targets: ["aggregator:8080"]}]
  - job_name: cameras-of-north
    metrics_path: /metrics/cameras
    params: {camera: ["north/*", "south/face"]}
    static_configs: [{targets: ["aggregator:8080"]}]
```
"""
EDGE = "north"
UNUSED = cast(Any, None)  # what a class keeps and does not use before its first frame

TLS: Any = SimpleNamespace(look=list, identity="", certificate=SimpleNamespace(not_valid_after_utc=datetime.now(UTC)))

Register = Callable[[CollectorRegistry], object]

# A new class of metrics has its line here, with the least that its constructor needs. A metric that several classes register
# stands under the first.
CLASSES: Sequence[tuple[type, Register]] = (
    (VideoMetrics, lambda registry: VideoMetrics(EDGE, registry)),
    (ServiceAccess, lambda registry: ServiceAccess.of("aggregator", UNUSED, registry, ListenSettings())),
    (ExpiryCollector, lambda registry: registry.register(ExpiryCollector(TLS))),
    (ExpiryCollector, refused_counter),  # of the same module
    (Supervisor, lambda registry: Supervisor("aggregator", registry, UNUSED)),
    (FrameTimings, lambda registry: FrameTimings(labels_of_edge(EDGE), registry)),
    (FrameCollector, lambda registry: registry.register(FrameCollector(labels_of_edge(EDGE), FrameAccounting()))),
    (TwinMetrics, lambda registry: TwinMetrics(CONFIG, EDGE, registry)),
    (ModelMetrics, lambda registry: ModelMetrics(EDGE, registry)),
    (AggregatorMetrics, AggregatorMetrics),
    (AggregatorMetrics, lambda registry: registry.register(_Single(AggregatorMetrics(CollectorRegistry())))),
    (WorkerMetrics, WorkerMetrics),
    (AnalyserMetrics, AnalyserMetrics),
    (SampleMetrics, SampleMetrics),
    (RecordingMetrics, RecordingMetrics),
    (AlarmMetrics, AlarmMetrics),
    (JournalMetrics, JournalMetrics),
    (DriftCollector, lambda registry: registry.register(_WithoutCameras(UNUSED, UNUSED))),
    (GaugeCollector, lambda registry: registry.register(GaugeCollector(EDGE, lambda: dict.fromkeys(GAUGES, 0.0).items()))),
    (DriftWatch, lambda registry: DriftWatch(EDGE, Path(), (), 1, 1, UNUSED, registry)),
    (Samples, lambda registry: Samples(EDGE, UNUSED, 1, 1, registry)),
    (RequestMetrics, RequestMetrics),
    (Pool, lambda registry: Pool(UNUSED, 1, UNUSED, registry, cameras=1, max_pixels=1, threads=1)),
    (TrainerMetrics, TrainerMetrics),
    (CompanyMetrics, CompanyMetrics),
)


class _WithoutCameras(DriftCollector):
    def readings(self) -> dict[Any, Any]:
        return {}


class _Single(Collector):
    """The series of single cameras."""

    def __init__(self, metrics: AggregatorMetrics) -> None:
        metrics.cameras.include(DriftCollector(cast(Any, SimpleNamespace(cameras=[])), UNUSED).collect_cameras)
        self._metrics = metrics

    def collect(self) -> Iterator[Any]:
        yield from self._metrics.cameras.selected(lambda *_: False)


def metrics_page() -> str:
    """The page with every metric's name, kind, labels, meaning and module."""
    found: dict[str, tuple[str, ...]] = {}
    for row in asyncio.run(_metrics()):  # two classes want a running loop
        found.setdefault(row[0], row)
    return page("Metrics", INTRO, table(("metric", "kind", "labels", "meaning", "module"), sorted(found.values())))


async def _metrics() -> list[tuple[str, ...]]:
    return [row for owner, register in CLASSES for row in _rows(owner.__module__, register)]


def _rows(module: str, register: Register) -> Iterator[tuple[str, ...]]:
    registry = _Registry()
    register(registry)
    for collector in registry.collectors:
        for metric in collector.collect():
            # A family knows its labels itself; a metric's family has none before its first sample.
            labels = getattr(metric, "_labelnames", None) or getattr(collector, "_labelnames", ())
            name = f"{metric.name}_total" if metric.type == "counter" else metric.name  # as exported
            yield code(name), metric.type, cell(", ".join(labels)), cell(sentence(metric.documentation)), code(module)


class _Registry(CollectorRegistry):
    """Keeps the collectors in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        self.collectors.append(collector)
