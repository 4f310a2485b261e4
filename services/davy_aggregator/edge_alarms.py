"""Alarms about edges, raised here because an offline edge cannot report itself."""

import asyncio
import time
from collections.abc import Collection

from davy.domain.errors import ArchiveUnavailableError
from davy.domain.severity import Severity
from davy.streams.lead import Lead
from davy.telemetry import get_logger
from davy_aggregator.archive import Archive
from davy_aggregator.presence import PresenceTracker

log = get_logger(__name__)

CHECK_EVERY_S = 1.0
LESS = "the pool enhances with one less"


async def watch_edges(
    presence: PresenceTracker, archive: Archive, offline_after_s: float, lead: Lead, enhancers: Collection[str] = ()
) -> None:
    """Report edges and enhancers that are offline for longer than offline_after_s, and their return, until cancelled.

    Edges that were already offline when the aggregator started are not reported. Only the leader reports.
    """
    were_online: set[str] = set()
    reported: set[str] = set()
    while True:
        for name, edge in list(presence.edges.items()):
            kind, effect = ("enhancer", LESS) if name in enhancers else ("edge", "its cameras send no frames")
            offline_s = (time.time_ns() - edge.since_ns) / 1e9
            if edge.online and name not in reported:
                were_online.add(name)
            elif not lead.leads:
                continue
            elif edge.online:
                if await _report(archive, name, f"{kind}-online", f"{kind} {name} is online again", Severity.INFO):
                    reported.discard(name)
            elif edge.online is False and name in were_online - reported and offline_s >= offline_after_s:
                message, figures = f"{kind} {name} is offline; {effect}", {"offline_s": round(offline_s, 1)}
                if await _report(archive, name, f"{kind}-offline", message, Severity.ALARM, figures):
                    reported.add(name)
        await asyncio.sleep(CHECK_EVERY_S)


async def _report(
    archive: Archive, edge: str, kind: str, message: str, severity: Severity, figures: dict[str, float] | None = None
) -> bool:
    try:
        await archive.report(kind, message, severity, figures=figures)
    except ArchiveUnavailableError as error:
        log.error("event.lost", edge=edge, kind=kind, error=str(error))
        return False
    return True
