"""State of a site, its edges and its cameras, combined from frames, presence and stats, for REST and the console."""

import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Literal, NamedTuple

from davy.domain.camera import CameraAddress
from davy.domain.drops import DropReason
from davy.domain.errors import InvalidIdError, OtherSiteError, UnknownCameraError
from davy.site import SiteConfig
from davy_aggregator.archive import REPORTER
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrame, LiveFrames
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.rest.schemas import Camera, CameraState, Dependency, Drops, Edge, Site, utc
from davy_aggregator.settings import AggregatorSettings

SILENT = "no frame for"
MAX_COUNT = 2**53  # the largest integer that JSON carries exactly


class CameraBrief(NamedTuple):
    """What of a camera changes rarely.

    Args:
        configured: Label, district, and where it is enhanced.
        skewed: Whether its edge's clock is wrong.
        video: Whether its video can be had.
    """

    state: CameraState
    reason: str
    configured: tuple[str, str, str]
    model: str
    skewed: bool
    video: bool


class SiteStatus:
    """Describes the present state of the site; holds no state itself.

    Args:
        offers_video: Returns whether a camera's video can be had.
    """

    def __init__(
        self,
        site: SiteConfig,
        settings: AggregatorSettings,
        live: LiveFrames,
        presence: PresenceTracker,
        health: Health,
        offers_video: Callable[[CameraAddress], bool] = lambda _: False,
    ) -> None:
        self._site, self._settings, self._offers_video = site, settings, offers_video
        self._live, self._presence, self._health = live, presence, health
        self._started_s = time.monotonic()

    def reconfigure(self, site: SiteConfig) -> None:
        """Replace the site configuration."""
        self._site = site

    @property
    def time_zone(self) -> str:
        """The site's zone in the IANA database."""
        return self._site.time_zone

    def rules_of(self, camera: CameraAddress) -> frozenset[str]:
        """Return the names of the place rules of a camera; none for one that the site does not name."""
        edge = self._site.edges.get(camera.edge)
        config = edge.cameras.get(camera.camera) if edge else None
        return frozenset(rule.name for rule in config.rules) if config else frozenset()

    def find(self, key: str) -> CameraAddress:
        """Return the camera of an address or of an id "edge.camera".

        Raises:
            OtherSiteError: the address names another site.
            UnknownCameraError: no such camera; the text lists the known ones.
        """
        try:
            found = CameraAddress.parse(key, self._site.site)
        except InvalidIdError:
            found = None
        if found is not None and found.site != self._site.site:
            raise OtherSiteError(found.site, self._site.site, "cameras")
        if found is None or not self._live.has(found):
            raise UnknownCameraError(key, [each.key for each in self._live.cameras])
        return found

    def key_of(self, text: str | None) -> str | None:
        """Return the id that stored events and samples have for a camera of this site, present or not; None for none.

        Raises:
            InvalidIdError: text is no address.
            OtherSiteError: the address names another site.
        """
        if not text:
            return None
        camera = CameraAddress.parse(text, self._site.site)
        if camera.site != self._site.site:
            raise OtherSiteError(camera.site, self._site.site, "cameras")
        return camera.key

    def cameras(self) -> list[Camera]:
        return [self.camera(camera) for camera in self._live.cameras]

    def camera(self, camera: CameraAddress) -> Camera:
        newest = self._live.known(camera)
        state, reason = self._state(camera, newest)
        key = camera.key
        edge = self._site.edges.get(camera.edge)
        config = edge.cameras.get(camera.camera) if edge else None
        frame = newest.frame if newest else None
        return Camera(
            id=key,
            address=str(camera),
            edge=camera.edge,
            camera=camera.camera,
            district=edge.district if edge else "",
            label=(config.label if config else "") or camera.camera,
            state=state,
            reason=reason,
            enhanced_at=edge.enhance if edge else "here",
            fps=round(self._live.fps(camera), 1),
            age_ms=round(newest.age_s() * 1000) if newest else None,
            captured_at=utc(frame.captured_ns) if frame else None,
            clock_skew_ms=round(self._live.clock_offset_ms(camera.edge), 1),
            seq=frame.seq if frame else None,
            width=frame.width if frame else None,
            height=frame.height if frame else None,
            model=frame.model if frame else "",
            received=self._live.received(camera),
            drops=self._drops(camera),
            latest=f"/v1/cameras/{key}/latest.jpg",
            live=f"/v1/cameras/{key}/live.mjpeg",
            video=self._offers_video(camera),
        )

    def state(self, camera: CameraAddress) -> tuple[CameraState, str]:
        """Return the state of a camera, and the reason for any but live."""
        return self._state(camera, self._live.newest(camera))

    def label(self, camera: CameraAddress) -> str:
        """Return the camera's label; its id within the edge if it has none."""
        edge = self._site.edges.get(camera.edge)
        config = edge.cameras.get(camera.camera) if edge else None
        return (config.label if config else "") or camera.camera

    def brief(self, camera: CameraAddress) -> CameraBrief:
        """Return what of a camera changes rarely: it tells whether the rest must be sent again."""
        newest = self._live.newest(camera)
        state, reason = self._state(camera, newest)
        edge = self._site.edges.get(camera.edge)
        config = edge.cameras.get(camera.camera) if edge else None
        return CameraBrief(
            state,
            "" if reason.startswith(SILENT) else reason,  # it counts the seconds
            (config.label if config else "", edge.district if edge else "", edge.enhance if edge else ""),
            newest.frame.model if newest else "",
            bool(self._live.clock_offset_ms(camera.edge)),
            self._offers_video(camera),
        )

    def edges(self) -> list[Edge]:
        return [self._edge(name) for name in self._edge_names()]

    def edge_statuses(self) -> dict[str, str]:
        """Return "online", "offline" or "unknown" of every edge."""
        return {name: _status(self._presence.edge(name).online) for name in self._edge_names()}

    def _edge_names(self) -> list[str]:
        others = {REPORTER, *self._site.pool}
        return [name for name in dict.fromkeys((*self._site.edges, *self._presence.edges)) if name not in others]

    def site(self, cameras: Sequence[Camera] | None = None) -> Site:
        """Describe the site; with the cameras where they are at hand."""
        cameras = self.cameras() if cameras is None else cameras
        return self.summary(len(cameras), sum(camera.state is CameraState.LIVE for camera in cameras))

    def summary(self, cameras: int, live: int) -> Site:
        """Describe the site, given its number of cameras and of live ones."""
        return Site(
            site=self._site.site,
            version=version("davy"),
            status="degraded" if self._health.degraded else "ready",
            dependencies=self.dependencies(),
            edges=len(self._site.edges),
            cameras=cameras,
            live=live,
            uptime_s=round(time.monotonic() - self._started_s, 1),
            time_zone=self._site.time_zone,
            stale_after_ms=round(self._settings.stale_after_s * 1000),
        )

    def dependencies(self) -> list[Dependency]:
        return [Dependency(name=name, ok=not error, reason=error) for name, error in self._health.errors.items()]

    def _edge(self, name: str) -> Edge:
        state, config = self._presence.edge(name), self._site.edges.get(name)
        return Edge(
            edge=name,
            status=_status(state.online),
            since=utc(state.since_ns) if state.since_ns else None,
            configured=config is not None,
            enhance=config.enhance if config else None,
            clock_skew_ms=round(self._live.clock_offset_ms(name), 1),
            cameras=[camera.key for camera in self._live.cameras if camera.edge == name],
            info=dict(state.info),
            stats=dict(state.stats),
        )

    def _state(self, camera: CameraAddress, newest: LiveFrame | None) -> tuple[CameraState, str]:
        """Return state and reason, by a fresh frame, else by the edge's report, else by the time since the last frame."""
        if newest and newest.age_s() <= self._settings.stale_after_s:
            return CameraState.LIVE, ""
        reported = self._presence.camera(camera)
        if self._presence.edge(camera.edge).online is False:
            return CameraState.OFFLINE, f"edge {camera.edge} is offline"
        if reported.state in ("offline", "error"):
            return CameraState.OFFLINE, reported.reason or f"its edge reports {reported.state}"
        if newest is None:
            return CameraState.WAITING, self._why_waiting(camera, reported.reason)
        silent = f"{SILENT} {newest.age_s():.0f} s"
        if newest.age_s() > self._settings.offline_after_s:
            return CameraState.OFFLINE, silent
        return CameraState.STALE, reported.reason if reported.state == "stalled" and reported.reason else silent

    def _why_waiting(self, camera: CameraAddress, reported: str) -> str:
        if self._presence.waits_for_enhancer(camera):
            return "raw frames arrive, but no enhancer answers: is `davy enhancer` running?"
        return reported or f"edge {camera.edge} has sent no message since the aggregator started"

    def _drops(self, camera: CameraAddress) -> Drops:
        """Return the edge's counters. Dropped frames include enhanced ones that its sink dropped."""
        stats = self._presence.camera_stats(camera)
        edge, sinks = self._site.edges.get(camera.edge), stats.get("sinks")
        sink = (sinks if isinstance(sinks, dict) else {}).get("mqtt" if edge and edge.enhance == "pool" else "grpc")
        unsent = _unsent(sink.get("dropped")) if isinstance(sink, dict) else None
        dropped = _count(stats.get("dropped"))
        return Drops(
            captured=_count(stats.get("captured")),
            enhanced=_count(stats.get("enhanced")),
            dropped=None if dropped is None else dropped + (unsent or 0),
        )


def _status(online: bool | None) -> Literal["online", "offline", "unknown"]:
    if online is None:
        return "unknown"
    return "online" if online else "offline"


def _unsent(dropped: object) -> int | None:
    """Read what a sink dropped, by reason; a frame that nobody wanted is no loss."""
    if isinstance(dropped, dict):
        dropped = {reason: count for reason, count in dropped.items() if reason != DropReason.NOT_WANTED}
    return _count(dropped)


def _count(value: object) -> int | None:
    """Read a counter of an edge's stats: a number, or numbers by reason."""
    if isinstance(value, dict):
        return sum(_count(each) or 0 for each in value.values())
    return int(value) if isinstance(value, int | float) and 0 <= value <= MAX_COUNT else None
