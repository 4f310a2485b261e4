"""Gauges of one edge: connections, spools, memory. `davy.streams.metrics` counts its frames."""

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

Gauges = Callable[[], Iterable[tuple[str, str, float]]]
"""Returns name, help text and value of each gauge."""


class GaugeCollector(Collector):
    """Reads the gauges at scrape time."""

    def __init__(self, edge: str, gauges: Gauges) -> None:
        self._edge, self._gauges = edge, gauges

    def collect(self) -> Iterable[GaugeMetricFamily]:
        for name, help_text, value in self._gauges():
            gauge = GaugeMetricFamily(name, help_text, labels=("edge",))
            gauge.add_metric([self._edge], value)
            yield gauge

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # known only when collected
