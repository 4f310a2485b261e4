"""Figures of an edge for its stats topic and /healthz."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from davy.adapters.storage.spool import Spool
from davy.domain.drops import DropPoint
from davy.domain.errors import SpoolUnavailableError
from davy.streams.accounting import FrameAccounting, FrameCounters
from davy.streams.metrics import FrameTimings, percentile
from davy_edge.frames.camera_states import CameraStates

THERMAL = Path("/sys/class/thermal")


class Stats:
    """Collects the figures; fps and ages cover the time since the last `read`, at least 1 s.

    Args:
        errors: Returns the present error of each plane, empty if there is none.
        drift: Returns the drift of a camera's light.
        link: Returns the level of quality, size and rate, and the bandwidth to the aggregator.
    """

    def __init__(
        self,
        boot_id: str,
        accounting: FrameAccounting[str],
        timings: FrameTimings[str],
        states: CameraStates,
        spool: Spool,
        damaged: Callable[[str], int],
        errors: Callable[[], dict[str, str]],
        drift: Callable[[str], dict[str, Any]],
        link: Callable[[], dict[str, Any]],
    ) -> None:
        self._boot_id, self._accounting, self._timings, self._states = boot_id, accounting, timings, states
        self._spool, self._damaged, self._errors, self._drift, self._link = spool, damaged, errors, drift, link
        self._started_s = self._read_s = time.monotonic()
        self._before: dict[str, FrameCounters] = {}

    def read(self) -> dict[str, Any]:
        """Return the present figures, ready for JSON. Reads the disk: call it off the event loop."""
        now_s = time.monotonic()
        period_s, self._read_s = max(1.0, now_s - self._read_s), now_s
        counters = self._accounting.read()
        cameras = {camera: self._camera(camera, each, period_s) for camera, each in counters.items()}
        self._before = counters
        return {
            "boot_id": self._boot_id,
            "uptime_s": round(now_s - self._started_s, 1),
            "cameras": cameras,
            "spool": self._spool_figures(),
            "faults": self._present_errors(),
            "link": self._link(),
            "rss_bytes": rss_bytes(),
            "temperature_c": temperature_c(),
        }

    def health(self) -> dict[str, Any]:
        """Return a short form for /healthz, without disk access."""
        states = {camera: state for camera, (state, _) in self._states.current.items()}
        errors = self._present_errors()
        return {
            "status": "degraded" if errors or set(states.values()) != {"online"} else "ok",
            "cameras": states,
            "faults": errors,
        }

    def _present_errors(self) -> dict[str, str]:
        return {plane: error for plane, error in self._errors().items() if error}

    def _camera(self, camera: str, counters: FrameCounters, period_s: float) -> dict[str, Any]:
        state, reason = self._states.of(camera)
        before = self._before.get(camera, FrameCounters(counters.sinks))
        dropped: dict[str, dict[str, int]] = {}
        sinks: dict[str, dict[str, Any]] = {
            sink: {"sent": counters.sent[sink], "dropped": {}, "pending": counters.pending(sink)} for sink in counters.sinks
        }
        for (point, reason_dropped), count in counters.dropped.items():
            by_reason = sinks[point]["dropped"] if point in sinks else dropped.setdefault(point, {})
            by_reason[reason_dropped] = count
        for sink in counters.sinks:
            ages = self._timings.recent_ages(camera, sink, period_s)
            sinks[sink]["age_ms"] = {name: round(1000 * percentile(ages, at)) for name, at in (("p50", 0.5), ("p99", 0.99))}
        ages = self._timings.recent_ages(camera, DropPoint.ENCODE, period_s)
        return {
            "state": state,
            "reason": reason,
            "fps": round((counters.enhanced - before.enhanced) / period_s, 2),
            "captured": counters.captured,
            "enhanced": counters.enhanced,
            "in_flight": counters.in_flight,
            "dropped": dropped,
            "damaged": self._damaged(camera),
            "age_ms": {name: round(1000 * percentile(ages, at)) for name, at in (("p50", 0.5), ("p99", 0.99))},
            "sinks": sinks,
            "drift": self._drift(camera),
        }

    def _spool_figures(self) -> dict[str, Any]:
        dropped = {"events_dropped": self._spool.events_dropped, "keyframes_dropped": self._spool.keyframes_dropped}
        try:
            return {"waiting": self._spool.waiting, "bytes": self._spool.used_bytes, **dropped}
        except SpoolUnavailableError as error:
            return {"fault": error.reason, **dropped}


def rss_bytes() -> int:
    """Return the resident memory of this process; 0 without /proc."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def temperature_c() -> float | None:
    """Return the temperature of the hottest thermal zone, if the machine has any."""
    found = []
    for zone in THERMAL.glob("thermal_zone*/temp"):
        try:
            found.append(int(zone.read_text()) / 1000)
        except (OSError, ValueError):
            continue
    return max(found, default=None)
