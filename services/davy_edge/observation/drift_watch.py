"""Drift of every camera of an edge: in the stats, as a metric, and as events when it begins and ends."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from davy.domain.severity import Severity
from davy_edge.observation.drift import BEGINS, Drift, Fit, Reading
from davy_edge.observation.observer import Observe
from davy_edge.transport.events import Events

NAMED = 3  # reasons in a sentence


class DriftWatch(Collector):
    """Collects the drift of all cameras. Use it on the event loop; its observers run in the pipelines' threads.

    Args:
        folder: Folder of the cameras' reference files.
        events: Records the events `drift` and `drift-over`.
        registry: Registry of davy_edge_drift and davy_edge_drift_component.
    """

    def __init__(
        self,
        edge: str,
        folder: Path,
        cameras: Iterable[str],
        reference_s: float,
        window_s: float,
        events: Events,
        registry: CollectorRegistry,
    ) -> None:
        self._edge, self._events, self._loop = edge, events, asyncio.get_running_loop()
        self._folder, self._reference_s, self._window_s = folder, reference_s, window_s
        self._drifts = {camera: self._open(camera) for camera in cameras}
        registry.register(self)

    def _open(self, camera: str) -> Drift:
        path = self._folder / f"{camera}.json"
        return Drift(path, self._reference_s, self._window_s, partial(self._changed, camera))

    def add(self, camera: str) -> None:
        """Add a camera."""
        self._drifts = {**self._drifts, camera: self._open(camera)}  # concurrent readers keep the old mapping

    def forget(self, camera: str) -> None:
        """Delete the reference of a camera that was removed or has another source."""
        self._drifts = {name: drift for name, drift in self._drifts.items() if name != camera}
        with suppress(OSError):
            (self._folder / f"{camera}.json").unlink(missing_ok=True)

    def observer(self, camera: str) -> Observe:
        """Return the observer of a camera's frames."""
        return self._drifts[camera].observe

    def figures(self, camera: str) -> dict[str, Any]:
        """Return state, model, score and reasons for the stats."""
        drift = self._drifts.get(camera)
        return drift.reading.as_json() if drift else {}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        labels = ("edge", "camera")
        score = GaugeMetricFamily("davy_edge_drift", f"Drift of a camera's light; {BEGINS:g} is a clear change.", labels=labels)
        components = GaugeMetricFamily("davy_edge_drift_component", "Components of the drift.", labels=(*labels, "component"))
        for camera, drift in self._drifts.items():
            reading = drift.reading
            if reading.score is not None:
                score.add_metric([self._edge, camera], reading.score)
            for name, value in (reading.reasons or {}).items():
                components.add_metric([self._edge, camera, name], value)
        yield from (score, components)

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return ()  # known only when collected

    def _changed(self, camera: str, reading: Reading) -> None:
        """Record a change; called on a pipeline's thread."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._record, camera, reading)

    def _record(self, camera: str, reading: Reading) -> None:
        reasons = dict(reading.reasons or {})
        figures = {"drift": reading.score or 0.0} | reasons
        if reading.fit is not Fit.DRIFTED:
            message = f"camera {camera} shows the reference light of model {reading.model or 'none'} again"
            self._events.record_event("drift-over", message, Severity.INFO, camera, figures)
            return
        worst = sorted(reasons.items(), key=lambda item: -item[1])[:NAMED]
        named = ", ".join(f"{name} {value:.1f}" for name, value in worst if value >= BEGINS / 2)
        message = f"the light of camera {camera} differs from the reference of model {reading.model or 'none'}: {named}"
        self._events.record_event("drift", message, Severity.WARNING, camera, figures)
