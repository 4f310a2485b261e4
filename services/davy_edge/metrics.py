"""Gauges of one edge: connections, spools, memory. `davy.streams.metrics` counts its frames."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from davy.domain.video import VideoPacket

GAUGES = {
    "davy_edge_mqtt_connected": "1 while connected to the broker.",
    "davy_edge_mqtt_refused": "Messages that the broker refused.",
    "davy_edge_ingest_connected": "1 while the frame stream to the aggregator is open.",
    "davy_edge_link_level": "Level of quality, size and rate for the link; 0: all of them.",
    "davy_edge_link_bandwidth": "Bandwidth to the aggregator in bytes/s; 0: unknown.",
    "davy_edge_spool_events_dropped": "Events dropped because the spool was full.",
    "davy_edge_samples_dropped": "Samples dropped because their spool was full.",
    "davy_edge_ring_bytes": "Recorded video on the edge's disk.",
    "davy_edge_ring_dropped": "Video packets that were not recorded: the disk, or a packet before them was missing.",
    "davy_edge_video_connected": "1 while the video stream to the aggregator is open.",
    "davy_edge_video_dropped": "Packets of video that the link to the aggregator was too slow for.",
    "davy_edge_memory_bytes": "Resident memory of the process.",
}
"""Name and help text of each gauge."""

Gauges = Callable[[], Iterable[tuple[str, float]]]
"""Returns name and value of each gauge that this edge has."""


class GaugeCollector(Collector):
    """Reads the gauges at scrape time."""

    def __init__(self, edge: str, gauges: Gauges) -> None:
        self._edge, self._gauges = edge, gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, value in self._gauges():
            gauge = GaugeMetricFamily(name, GAUGES[name], labels=("edge",))
            gauge.add_metric([self._edge], value)
            yield gauge

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # known only when collected


class VideoMetrics:
    """Counters of encoded video, by camera and variant."""

    def __init__(self, edge: str, registry: CollectorRegistry) -> None:
        self._edge, labels = edge, ("edge", "camera", "variant")
        self._packets = Counter("davy_video_packets_total", "Encoded packets of video.", labels, registry=registry)
        self._bytes = Counter("davy_video_bytes_total", "Bytes of encoded video.", labels, registry=registry)

    def count(self, packet: VideoPacket) -> None:
        """Count an encoded packet."""
        labels = (self._edge, packet.camera.camera, packet.variant)
        self._packets.labels(*labels).inc()
        self._bytes.labels(*labels).inc(len(packet.data))
