"""The frame accounting and frame timings of a service as Prometheus metrics."""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from davy.domain.drops import DropPoint
from davy.streams.accounting import FrameAccounting
from davy.telemetry import AGE_BUCKETS_S, DURATION_BUCKETS_S

K = TypeVar("K", bound=Hashable)

RECENT = 600  # ages kept per camera and point: a minute at 10 fps

Labels = Callable[[K], tuple[str, str]]
"""Returns edge and camera for a service's camera key."""


def labels_of_edge(edge: str) -> Labels[str]:
    """Labels of a service whose keys are the camera names of one edge."""
    return lambda camera: (edge, camera)


class FrameTimings(Generic[K]):
    """Histograms: the age of frames behind each point of the pipeline, and the time that each step takes."""

    def __init__(self, labels: Labels[K], registry: CollectorRegistry) -> None:
        self._labels = labels
        names = ("edge", "camera", "stage")
        self._age = Histogram(
            "davy_frame_age_seconds",
            "Age of a frame when the stage has finished with it.",
            names,
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self._work = Histogram(
            "davy_stage_duration_seconds",
            "Time that a stage took for one frame.",
            names,
            buckets=DURATION_BUCKETS_S,
            registry=registry,
        )
        self._lock = threading.Lock()
        self._recent: dict[tuple[K, DropPoint], deque[tuple[float, float]]] = {}

    def age(self, camera: K, point: DropPoint, age_s: float) -> None:
        """Record the age of a frame behind a point."""
        self._age.labels(*self._labels(camera), point).observe(age_s)
        with self._lock:
            self._recent.setdefault((camera, point), deque(maxlen=RECENT)).append((time.monotonic(), age_s))

    def work(self, camera: K, point: DropPoint, took_s: float) -> None:
        """Record the duration of a step."""
        self._work.labels(*self._labels(camera), point).observe(took_s)

    def recent_ages(self, camera: K, point: DropPoint, within_s: float) -> list[float]:
        """Return the ages of the last frames in s, sorted."""
        since = time.monotonic() - within_s
        with self._lock:
            return sorted(age_s for at_s, age_s in self._recent.get((camera, point), ()) if at_s >= since)

    def forget(self, camera: K) -> None:
        """Remove a camera's series."""
        edge, name = self._labels(camera)
        for histogram in (self._age, self._work):
            histogram.remove_by_labels({"edge": edge, "camera": name})
        with self._lock:
            self._recent = {key: ages for key, ages in self._recent.items() if key[0] != camera}


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """Return a percentile of sorted values; 0 where there are none."""
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else 0.0


class FrameCollector(Collector, Generic[K]):
    """Reads the accounting at scrape time, at one instant, so that its sums hold in every scrape."""

    def __init__(self, labels: Labels[K], accounting: FrameAccounting[K]) -> None:
        self._labels, self._accounting = labels, accounting

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Return all series at one instant."""
        names = ("edge", "camera")
        captured = CounterMetricFamily("davy_frames_captured", "Frames taken from the camera.", labels=names)
        enhanced = CounterMetricFamily("davy_frames_enhanced", "Frames enhanced and encoded.", labels=names)
        in_flight = GaugeMetricFamily(
            "davy_frames_in_flight", "Frames captured and neither enhanced nor dropped.", labels=names
        )
        dropped = CounterMetricFamily(
            "davy_frames_dropped", "Frames dropped, by stage and reason.", labels=(*names, "stage", "reason")
        )
        sent = CounterMetricFamily("davy_frames_sent", "Frames that a sink delivered.", labels=(*names, "sink"))
        pending = GaugeMetricFamily("davy_frames_pending", "Frames that a sink holds.", labels=(*names, "sink"))
        for camera, counters in self._accounting.read().items():
            labels = self._labels(camera)
            captured.add_metric(labels, counters.captured)
            enhanced.add_metric(labels, counters.enhanced)
            in_flight.add_metric(labels, counters.in_flight)
            for (point, reason), count in counters.dropped.items():
                dropped.add_metric([*labels, point, reason], count)
            for sink in counters.sinks:
                sent.add_metric([*labels, sink], counters.sent[sink])
                pending.add_metric([*labels, sink], counters.pending(sink))
        yield from (captured, enhanced, in_flight, dropped, sent, pending)

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """Return nothing: the series are known only when collected."""
        return ()
