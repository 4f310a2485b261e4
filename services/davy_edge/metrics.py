"""The edge's metrics. The ledger's are read at scrape time, all from one instant, so that their sums hold there, too."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from davy.telemetry import AGE_BUCKETS_S, WORK_BUCKETS_S, DropStage
from davy_edge.frames.accounting import FrameAccounting

RECENT = 600  # ages kept per camera and stage: a minute at 10 fps


class Timings:
    """How old frames are when a stage has finished with them, and how long stages take."""

    def __init__(self, edge: str, registry: CollectorRegistry) -> None:
        self._edge = edge
        labels = ("edge", "camera", "stage")
        self._age = Histogram(
            "davy_frame_age_seconds",
            "Age of a frame when the stage has finished with it.",
            labels,
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self._work = Histogram(
            "davy_stage_duration_seconds",
            "Time that a stage took for one frame.",
            labels,
            buckets=WORK_BUCKETS_S,
            registry=registry,
        )
        self._lock = threading.Lock()
        self._recent: dict[tuple[str, DropStage], deque[tuple[float, float]]] = {}

    def age(self, camera: str, stage: DropStage, age_s: float) -> None:
        self._age.labels(self._edge, camera, stage).observe(age_s)
        with self._lock:
            self._recent.setdefault((camera, stage), deque(maxlen=RECENT)).append((time.monotonic(), age_s))

    def work(self, camera: str, stage: DropStage, took_s: float) -> None:
        self._work.labels(self._edge, camera, stage).observe(took_s)

    def recent_ages(self, camera: str, stage: DropStage, within_s: float) -> list[float]:
        """Ages in s of the last frames, sorted."""
        since = time.monotonic() - within_s
        with self._lock:
            return sorted(age_s for at_s, age_s in self._recent.get((camera, stage), ()) if at_s >= since)


def percentile(ordered: Sequence[float], fraction: float) -> float:
    """Of sorted values; 0 where there is none."""
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else 0.0


class LedgerCollector(Collector):
    """The ledger and a few gauges as metrics, under the names of `davy.telemetry.FrameMetrics`."""

    def __init__(self, edge: str, ledger: FrameAccounting, gauges: Callable[[], Iterable[tuple[str, str, float]]]) -> None:
        self._edge, self._ledger, self._gauges = edge, ledger, gauges

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        camera_labels = ("edge", "camera")
        captured = CounterMetricFamily("davy_frames_captured", "Frames taken from the camera.", labels=camera_labels)
        enhanced = CounterMetricFamily("davy_frames_enhanced", "Frames enhanced and encoded.", labels=camera_labels)
        in_flight = GaugeMetricFamily(
            "davy_frames_in_flight", "Frames captured and neither enhanced nor dropped.", labels=camera_labels
        )
        dropped = CounterMetricFamily(
            "davy_frames_dropped", "Frames dropped, by stage and reason.", labels=(*camera_labels, "stage", "reason")
        )
        sent = CounterMetricFamily("davy_frames_sent", "Frames that a sink delivered.", labels=(*camera_labels, "sink"))
        pending = GaugeMetricFamily("davy_frames_pending", "Frames that a sink holds.", labels=(*camera_labels, "sink"))
        for camera, account in self._ledger.read().items():
            labels = [self._edge, camera]
            captured.add_metric(labels, account.captured)
            enhanced.add_metric(labels, account.enhanced)
            in_flight.add_metric(labels, account.in_flight)
            for (stage, reason), count in account.dropped.items():
                dropped.add_metric([*labels, stage, reason], count)
            for sink in account.sinks:
                sent.add_metric([*labels, sink], account.sent[sink])
                pending.add_metric([*labels, sink], account.pending(sink))
        yield from (captured, enhanced, in_flight, dropped, sent, pending)
        for name, help_text, value in self._gauges():
            gauge = GaugeMetricFamily(name, help_text, labels=("edge",))
            gauge.add_metric([self._edge], value)
            yield gauge

    def describe(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        return ()  # known only when collected
