"""Metrics of many cameras: totals of the site in every scrape, series of single cameras on request.

A site of 1,000 cameras has 17,000 series with a label per camera, 2 MB in each scrape. Totals are some 60. The names differ, so
that a sum over one name counts nothing twice.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Generic, TypeAlias, TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
Key: TypeAlias = tuple[str, ...]
Matches = Callable[[str, str], bool]
"""Whether the camera of an edge is asked for."""

CAMERA = ("edge", "camera")


@dataclass(slots=True)
class Count:
    """A number that grows, of one camera and one combination of labels.

    Args:
        whole: The same of all cameras; None for the whole itself.
    """

    whole: "Count | None" = None
    value: float = 0.0

    def inc(self, by: float = 1) -> None:
        """Add to the number."""
        self.value += by
        if self.whole is not None:
            self.whole.value += by


@dataclass(slots=True)
class Reading:
    """The newest value of one camera and one combination of labels; it has no whole."""

    whole: "Reading | None" = None
    value: float = 0.0

    def set(self, value: float) -> None:
        """Replace the value."""
        self.value = value


@dataclass(slots=True)
class Distribution:
    """Numbers of observations by bucket, of one camera and one combination of labels.

    Args:
        bounds: Upper bounds of the buckets, ascending, without infinity.
        whole: The same of all cameras; None for the whole itself.
    """

    bounds: Sequence[float]
    whole: "Distribution | None" = None
    counts: list[int] = field(default_factory=list)
    total: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.bounds) + 1)

    def observe(self, value: float) -> None:
        """Count a value."""
        place = bisect_left(self.bounds, value)
        self.counts[place] += 1
        self.total += value
        if self.whole is not None:
            self.whole.counts[place] += 1
            self.whole.total += value


Cell = TypeVar("Cell", Count, Reading, Distribution)


class CameraMetric(Generic[Cell]):
    """One metric of every camera. Used from one thread; scrapes may come from another.

    Args:
        name: Of the totals; empty for a metric without totals.
        camera_name: Of the series of single cameras.
        text: Meaning.
        labels: Further labels, after edge and camera.
        make: Makes the cell of a new combination of labels, given the whole's.
        family: Makes the family of a name, a text and labels.
    """

    def __init__(
        self,
        name: str,
        camera_name: str,
        text: str,
        labels: Sequence[str],
        make: Callable[[Cell | None], Cell],
        family: Callable[[str, str, Sequence[str]], Family],
    ) -> None:
        self._name, self._camera_name, self._text, self._labels = name, camera_name, text, labels
        self._make: Callable[[Cell | None], Cell] = make
        self._family = family
        self._cells: dict[Key, Cell] = {}
        self._wholes: dict[Key, Cell] = {}

    def labels(self, edge: str, camera: str, *others: str) -> Cell:
        """Return the cell of a camera and of the further labels."""
        key = (edge, camera, *others)
        found = self._cells.get(key)
        if found is None:
            if others not in self._wholes:
                self._wholes[others] = self._make(None)
            found = self._cells[key] = self._make(self._wholes[others])
        return found

    def totals(self) -> Iterator[Family]:
        """Yield the family of the totals over all cameras, if the metric has totals."""
        if self._name:
            yield self._filled(self._name, self._labels, list(self._wholes.items()))

    def cameras(self, matches: Matches) -> Iterator[Family]:
        """Yield the family with the series of the cameras that match."""
        found = [each for each in list(self._cells.items()) if matches(each[0][0], each[0][1])]
        yield self._filled(self._camera_name, (*CAMERA, *self._labels), found)

    def _filled(self, name: str, labels: Sequence[str], cells: Iterable[tuple[Key, Any]]) -> Family:
        family: Any = self._family(name, self._text, labels)
        for key, cell in cells:
            _add(family, [str(each) for each in key], cell)
        return family  # type: ignore[no-any-return]  # as above


def _add(family: Any, values: Sequence[str], cell: Any) -> None:  # noqa: ANN401  # a family and a cell of one kind
    if isinstance(cell, Distribution):
        bounds = [*map(floatToGoString, cell.bounds), "+Inf"]
        family.add_metric(values, list(zip(bounds, accumulate(cell.counts), strict=True)), cell.total)
    else:
        family.add_metric(values, cell.value)


class CameraMetrics(Collector):
    """The metrics of all cameras of a process; the registry shows their totals.

    Args:
        registry: Of GET /metrics.
        prefix: Of the names of totals, such as "davy_aggregator".
    """

    def __init__(self, registry: CollectorRegistry, prefix: str) -> None:
        self._prefix = prefix
        self._metrics: list[CameraMetric[Any]] = []
        self._collectors: list[Callable[[Matches], Iterable[Family]]] = []
        registry.register(self)

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> CameraMetric[Count]:
        """Return a new counter; PREFIX_name_total has the totals, PREFIX_camera_name_total single cameras."""
        return self._added(CameraMetric(self._total(name), self._single(name), text, labels, Count, _counter))

    def histogram(
        self, name: str, text: str, bounds: Sequence[float], labels: Sequence[str] = ()
    ) -> CameraMetric[Distribution]:
        """Return a new histogram; PREFIX_name has the totals, PREFIX_camera_name single cameras.

        Args:
            name: Without prefix.
            text: Meaning.
            bounds: Upper bounds of the buckets, ascending, without infinity.
            labels: Further labels.
        """

        def make(whole: Distribution | None) -> Distribution:
            return Distribution(bounds, whole)

        return self._added(CameraMetric(self._total(name), self._single(name), text, labels, make, _histogram))

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> CameraMetric[Reading]:
        """Return a new gauge of single cameras, which has no total. The name is complete."""
        return self._added(CameraMetric("", name, text, labels, Reading, _gauge))

    def include(self, collect: Callable[[Matches], Iterable[Family]]) -> None:
        """Show what a function collects among the series of single cameras."""
        self._collectors.append(collect)

    def collect(self) -> Iterator[Family]:
        """Yield the totals."""
        for metric in self._metrics:
            yield from metric.totals()

    def describe(self) -> Iterable[Family]:
        """Return nothing: the series are known only when collected."""
        return ()

    def selected(self, matches: Matches) -> Iterator[Family]:
        """Yield the series of the cameras that match."""
        for metric in self._metrics:
            yield from metric.cameras(matches)
        for collect in self._collectors:
            yield from collect(matches)

    def _total(self, name: str) -> str:
        return f"{self._prefix}_{name}"

    def _single(self, name: str) -> str:
        return f"{self._prefix}_camera_{name}"

    def _added(self, metric: "CameraMetric[Cell]") -> "CameraMetric[Cell]":
        self._metrics.append(metric)
        return metric


def _counter(name: str, text: str, labels: Sequence[str]) -> Family:
    return CounterMetricFamily(name, text, labels=labels)


def _gauge(name: str, text: str, labels: Sequence[str]) -> Family:
    return GaugeMetricFamily(name, text, labels=labels)


def _histogram(name: str, text: str, labels: Sequence[str]) -> Family:
    return HistogramMetricFamily(name, text, labels=labels)
