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
from davy.domain.camera import CameraAddress
from davy.site import SiteConfig
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.archive import REPORTER
from davy_aggregator.drift import DriftCollector
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.rest.schemas import CameraState
from davy_aggregator.site_status import SiteStatus

CHECK_EVERY_S = 1.0
SLICE = 50  # cameras between which frames arrive: a few ms
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
        for number, camera in enumerate(self.live.cameras):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            if self.live.has(camera):
                await self._check_camera(camera)
        for edge in {address.edge for address in self.live.cameras}:
            skew_s = self.live.clock_offset_ms(edge) / 1000
            message = f"the clock of edge {edge} is {abs(skew_s):.0f} s {'behind' if skew_s > 0 else 'ahead of'} this one"
            await self.alarms.report(AlarmPoint("clock-skew", edge), bool(skew_s), message, figures={"skew_s": skew_s})

    async def _check_camera(self, camera: CameraAddress) -> None:
        key, label = camera.key, self.status.label(camera)
        state, reason = self.status.state(camera)
        edge_online, is_new = self.presence.edge(camera.edge).online, self.live.newest(camera) is None
        is_unheard = edge_online is None and is_new and not self.health.errors.get("broker")
        explained = edge_online is False or is_unheard  # by the alarm of its edge
        is_absent = state in (CameraState.OFFLINE, CameraState.WAITING)
        offline = is_absent and (not is_new or self._graced)  # an edge opens its cameras for a while
        message, suppressed = f"camera {label}: {reason or state.value}", explained and offline
        await self.alarms.report(AlarmPoint("camera-offline", key), offline, message, suppressed=suppressed)
        stale = state is CameraState.STALE
        await self.alarms.report(AlarmPoint("camera-stale", key), stale, message, suppressed=stale and explained)
        reading = self.drift.read(camera)
        if reading.score is not None:
            message = f"the light of camera {label} differs from the reference of model {reading.model or 'none'}"
            point, figures = AlarmPoint("drift", key), {"drift": reading.score}
            await self.alarms.report(point, reading.state == "drifted", message, figures=figures)

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
        standing = [alarm.point for alarm in self.alarms.all() if alarm.condition and alarm.point.camera]
        present = {address.key: address for address in self.live.cameras} if standing else {}
        for point in standing:
            camera = present.get(point.camera)
            if camera is None or (point.part and point.part not in self.status.rules_of(camera)):
                await self.alarms.report(point, False)

    @property
    def _graced(self) -> bool:
        return time.monotonic() - self.started_s > GRACE_S
