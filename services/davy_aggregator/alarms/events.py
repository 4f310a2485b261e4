"""Events of edges and of the aggregator that raise and end alarms, each applied once over any crash."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from typing import Final

from davy.domain.alarm_rules import DEFAULT_RULES
from davy.domain.alarms import AlarmPoint, Condition
from davy.domain.errors import ArchiveUnavailableError, StandbyError
from davy.domain.event import EventRecord
from davy.domain.severity import Severity
from davy.telemetry import get_logger
from davy_aggregator.alarms.service import BOOT, AlarmService
from davy_aggregator.archive import REPORTER, Archive

log = get_logger(__name__)

BATCH = 200  # events per transaction
RETRY_S = 1.0

WATCHED: Final = frozenset(
    {
        # `davy_aggregator.alarm_conditions` watches the level itself
        *("camera-offline", "camera-stalled", "camera-online", "camera-unsteady", "edge-offline", "enhancer-offline"),
        *("drift", "drift-over", "clock-skew", "journal-broken", "journal-lost", "journal-full", "journal-filling"),
    }
)
"""Kinds of events that raise nothing."""

ENDS: Final[Mapping[str, tuple[str, ...]]] = {
    "certificate-renewed": ("certificate-expiring", "certificate-expired"),
}
"""Kinds of events that end alarms, beside KIND-over."""


def conditions_of(event: EventRecord) -> Iterator[tuple[AlarmPoint, Condition]]:
    """Yield what an event says about alarms.

    A kind with a rule raises its alarm; so does any other event of severity alarm. KIND-over ends the alarm of KIND.
    """
    if event.kind in WATCHED or (event.edge == REPORTER and event.boot_id.startswith(BOOT)):
        return
    source = event.camera or event.edge
    begun = event.kind.removesuffix("-over")
    if begun != event.kind:
        yield AlarmPoint(begun, source), Condition(False)
    for kind in ENDS.get(event.kind, ()):
        yield AlarmPoint(kind, source), Condition(False)
    if event.kind in DEFAULT_RULES or event.severity >= Severity.ALARM:
        severity = None if event.kind in DEFAULT_RULES else Severity.nearest(event.severity)
        yield AlarmPoint(event.kind, source), Condition(True, event.message, severity, event.figures)


async def follow_events(archive: Archive, alarms: AlarmService) -> None:
    """Apply events in their order until cancelled, from where the last process stopped."""
    while True:
        try:
            if alarms.leads:
                await _follow(archive, alarms)
        except (ArchiveUnavailableError, StandbyError) as error:
            log.warning("alarms.events_unreadable", error=str(error))
        await asyncio.sleep(RETRY_S)


async def _follow(archive: Archive, alarms: AlarmService) -> None:
    """Apply events until another aggregator leads."""
    await mark_start(archive, alarms)
    applied = await asyncio.to_thread(alarms.store.position)
    async with aclosing(archive.follow_batches(applied or 0, BATCH)) as batches:
        async for events in batches:
            if not alarms.leads:
                return
            found = [
                (point, condition, event.id if event.has_keyframe else 0)
                for event in events
                for point, condition in conditions_of(event)
            ]
            await alarms.apply_events(found, events[-1].id)


async def mark_start(archive: Archive, alarms: AlarmService) -> None:
    """Before the first event comes, note that what was archived before there were alarms raises none."""
    if await asyncio.to_thread(alarms.store.position) is None:
        await asyncio.to_thread(alarms.store.begin, await archive.last_id())
