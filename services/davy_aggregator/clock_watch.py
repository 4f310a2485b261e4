"""Events about the clocks of edges. Ages are right whatever a clock shows; the times of events are not."""

import asyncio

from davy.domain.errors import ArchiveUnavailableError
from davy.domain.severity import Severity
from davy.telemetry import get_logger
from davy_aggregator.archive import Archive
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics

log = get_logger(__name__)

CHECK_EVERY_S = 1.0
CHANGED_MS = 2000.0  # a further step of so much is a further event


async def watch_clocks(live: LiveFrames, archive: Archive, metrics: AggregatorMetrics) -> None:
    """Measure every edge's clock skew, and report one over 2 s, its changes and its end, until cancelled."""
    reported: dict[str, float] = {}
    while True:
        measured_ns = live.clock_offsets_ns()  # here: the replica that an edge sends to reports its clock
        for edge in {camera.edge for camera in live.cameras}:
            skew_ms = measured_ns.get(edge, 0) / 1e6
            before = reported.get(edge, 0.0)
            if skew_ms or edge in reported:
                metrics.clock_skew.labels(edge).set(skew_ms / 1000)
            steady = abs(skew_ms - before) < CHANGED_MS and bool(skew_ms) == bool(before)
            if not steady and await _report(archive, edge, skew_ms):
                reported[edge] = skew_ms
        await asyncio.sleep(CHECK_EVERY_S)


async def _report(archive: Archive, edge: str, skew_ms: float) -> bool:
    """Report a skew, 0 for its end. Return whether the event is stored."""
    if skew_ms:
        direction = "behind" if skew_ms > 0 else "ahead of"
        text = f"the clock of edge {edge} is {abs(skew_ms) / 1000:.0f} s {direction} this one; synchronise it (NTP)"
        kind, severity = "clock-skew", Severity.WARNING
    else:
        kind, text, severity = "clock-agrees", f"the clock of edge {edge} agrees with this one again", Severity.INFO
    try:
        await archive.report(kind, text, severity, figures={"skew_s": skew_ms / 1000})
    except ArchiveUnavailableError as error:
        log.error("event.lost", edge=edge, kind=kind, error=str(error))
        return False
    return True
