"""Conditions of edges, cameras and services, looked at every second and reported to the alarms.

They are watched here because an edge that is offline cannot report itself.
"""

import asyncio
import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from davy.domain.alarms import AlarmPoint
from davy.site import SiteConfig
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.archive import REPORTER
from davy_aggregator.drift import DriftCollector
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.rest.schemas import Camera, CameraState
from davy_aggregator.site_status import SiteStatus

CHECK_EVERY_S = 1.0
GRACE_S = 30.0  # for edges and cameras to report after the start
LOW_SHARE, LOW_BYTES = 0.05, 5_000_000_000  # free space of the disk: below both it is low
QUIET_PARTS = frozenset({"leadership"})  # a standby is no failure


@dataclass(slots=True)
class ConditionWatch:
    """Reports the level of every condition.

    Attributes:
        enhancers: Names of the pool's members.
        data: Folder whose disk is watched.
    """

    site: SiteConfig
    alarms: AlarmService
    presence: PresenceTracker
    status: SiteStatus
    live: LiveFrames
    drift: DriftCollector
    health: Health
    enhancers: Collection[str]
    data: Path
    started_s: float = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        self.started_s = time.monotonic()
        while True:
            if self.alarms.leads:
                await self.check()
            else:
                self.started_s = time.monotonic()  # after a take-over edges have time to report again
            await asyncio.sleep(CHECK_EVERY_S)

    async def check(self) -> None:
        """Report every condition once."""
        await self._check_services()
        await self._check_disk()
        if not self.health.errors.get("broker"):  # without a broker nothing is known about edges
            await self._check_edges()
        await self._check_cameras()
        await self._end_removed()

    async def _check_edges(self) -> None:
        for name in dict.fromkeys((*self.site.edges, *self.presence.edges, *self.enhancers)):
            online = self.presence.edge(name).online
            if online is None and (name in self.enhancers or not self._graced):
                continue
            kind, effect = (
                ("enhancer", "the pool enhances with one less")
                if name in self.enhancers
                else ("edge", "its cameras send no frames")
            )
            since_s = (time.time_ns() - self.presence.edge(name).since_ns) / 1e9 if online is False else 0.0
            await self.alarms.report(
                AlarmPoint(f"{kind}-offline", name),
                not online,
                f"{kind} {name} is offline; {effect}",
                figures={"offline_s": round(since_s, 1)},
                over=f"{kind} {name} is online again",
            )

    async def _check_cameras(self) -> None:
        drifted = {address.key: reading for address, reading in self.drift.readings().items() if reading.score is not None}
        for camera in self.status.cameras():
            edge_online = self.presence.edge(camera.edge).online
            is_unheard = edge_online is None and camera.age_ms is None and not self.health.errors.get("broker")
            explained = edge_online is False or is_unheard  # by the alarm of its edge
            is_absent = camera.state in (CameraState.OFFLINE, CameraState.WAITING)
            offline = is_absent and (camera.age_ms is not None or self._graced)  # an edge opens its cameras for a while
            await self._report(camera, "camera-offline", offline, explained and offline)
            await self._report(camera, "camera-stale", camera.state is CameraState.STALE, explained and not offline)
            if (reading := drifted.get(camera.id)) is not None:
                message = f"the light of camera {camera.label} differs from the reference of model {reading.model or 'none'}"
                point, figures = AlarmPoint("drift", camera.id), {"drift": reading.score or 0.0}
                await self.alarms.report(point, reading.state == "drifted", message, figures=figures)
        for edge in {address.edge for address in self.live.cameras}:
            skew_s = self.live.clock_offset_ms(edge) / 1000
            message = f"the clock of edge {edge} is {abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} this one"
            await self.alarms.report(AlarmPoint("clock-skew", edge), bool(skew_s), message, figures={"skew_s": skew_s})

    async def _report(self, camera: Camera, kind: str, active: bool, suppressed: bool) -> None:
        message = f"camera {camera.label}: {camera.reason or camera.state.value}"
        await self.alarms.report(AlarmPoint(kind, camera.id), active, message, suppressed=active and suppressed)

    async def _check_services(self) -> None:
        for part, error in self.health.errors.items():
            if part not in QUIET_PARTS:
                await self.alarms.report(AlarmPoint("service-degraded", REPORTER, part), bool(error), f"{part}: {error}")

    async def _check_disk(self) -> None:
        disk = await asyncio.to_thread(shutil.disk_usage, self.data)
        low = disk.free < LOW_BYTES and disk.free < LOW_SHARE * disk.total
        message = f"{disk.free / 1e9:.1f} GB of {disk.total / 1e9:.0f} GB are free on the disk of {self.data}"
        await self.alarms.report(
            AlarmPoint("disk-low", REPORTER), low, message, figures={"free_bytes": disk.free}, over="there is room again"
        )

    async def _end_removed(self) -> None:
        """End the alarms of cameras and of place rules that the site has no more."""
        present = {address.key: self.status.rules_of(address) for address in self.live.cameras}
        for alarm in self.alarms.all():
            point = alarm.point
            is_gone = point.camera and (point.camera not in present or (point.part and point.part not in present[point.camera]))
            if alarm.condition and is_gone:
                await self.alarms.report(point, False)

    @property
    def _graced(self) -> bool:
        return time.monotonic() - self.started_s > GRACE_S
