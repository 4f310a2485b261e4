"""A registry whose families with labels edge and camera are summed over the cameras, or shown for single cameras."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from davy.streams.camera_metrics import CAMERA, CameraMetrics

PREFIX, CAMERA_PREFIX = "davy_", "davy_camera_"
COUNTED = ("counter", "histogram")

Series: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]
"""Name and labels of a series."""


class SiteTotals(CollectorRegistry):
    """What GET /metrics shows: the families of a registry, with sums over all cameras instead of a series for each.

    Args:
        registry: The families.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__()
        self._families = registry
        self._gone = GoneSeries()

    def collect(self) -> Iterator[Metric]:
        """Yield every family; one with labels edge and camera without them."""
        for family in self._families.collect():
            yield _summed(family, self._gone) if _is_of_cameras(family) else family


class GoneSeries:
    """The last values of counted series whose camera is forgotten: without them a sum would fall, as if counting began anew."""

    def __init__(self) -> None:
        self._known: dict[str, dict[Series, float]] = {}  # by family
        self._gone: dict[str, dict[Series, float]] = {}

    def sums(self, family: Metric) -> dict[Series, float]:
        """Return the sums over forgotten cameras of a family, once this scrape is noted."""
        now = {(each.name, tuple(each.labels.items())): each.value for each in family.samples}
        gone = self._gone.setdefault(family.name, {})
        for (name, labels), value in self._known.get(family.name, {}).items():
            if (name, labels) not in now:
                key = _without_camera(name, labels)
                gone[key] = gone.get(key, 0.0) + value
        self._known[family.name] = now
        return gone


def camera_registry(registry: CollectorRegistry, cameras: CameraMetrics | None, patterns: Sequence[str]) -> CollectorRegistry:
    """Return a registry of the series of the cameras that a pattern matches.

    A family davy_X of the registry is davy_camera_X here, so that a sum over one name counts nothing twice.

    Args:
        registry: Families, those with labels edge and camera among them.
        cameras: Further metrics of cameras.
        patterns: EDGE/CAMERA each, with the wildcards * and ?.
    """

    def matches(edge: str, camera: str) -> bool:
        return any(fnmatchcase(f"{edge}/{camera}", pattern) for pattern in patterns)

    found = CollectorRegistry()
    found.register(_Selection(registry, cameras, matches))
    return found


class _Selection(Collector):
    def __init__(self, registry: CollectorRegistry, cameras: CameraMetrics | None, matches: Callable[[str, str], bool]) -> None:
        self._registry, self._cameras, self._matches = registry, cameras, matches

    def collect(self) -> Iterator[Metric]:
        if self._cameras is not None:
            yield from self._cameras.selected(self._matches)
        for family in self._registry.collect():
            if _is_of_cameras(family):
                yield _renamed(family, [each for each in family.samples if self._matches(*_camera_of(each))])

    def describe(self) -> Iterator[Metric]:
        return iter(())  # known only when collected


def _is_of_cameras(family: Metric) -> bool:
    return bool(family.samples) and all(name in family.samples[0].labels for name in CAMERA)


def _camera_of(sample: Sample) -> tuple[str, str]:
    return sample.labels["edge"], sample.labels["camera"]


def _without_camera(name: str, labels: tuple[tuple[str, str], ...]) -> Series:
    return name, tuple(each for each in labels if each[0] not in CAMERA)


def _summed(family: Metric, gone: GoneSeries) -> Metric:
    sums = dict(gone.sums(family)) if family.type in COUNTED else {}
    for sample in family.samples:
        key = _without_camera(sample.name, tuple(sample.labels.items()))
        sums[key] = sums.get(key, 0.0) + sample.value
    found = Metric(family.name, family.documentation, family.type, family.unit)
    found.samples = [Sample(name, dict(labels), value) for (name, labels), value in sums.items()]
    return found


def _renamed(family: Metric, samples: Sequence[Sample]) -> Metric:
    found = Metric(_name(family.name), family.documentation, family.type, family.unit)
    found.samples = [each._replace(name=_name(each.name)) for each in samples]
    return found


def _name(name: str) -> str:
    return CAMERA_PREFIX + name.removeprefix(PREFIX)
