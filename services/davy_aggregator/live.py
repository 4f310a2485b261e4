"""The newest frame of every camera, and its subscribers. A newer frame replaces a waiting one; nothing queues."""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from davy.adapters.fan_out.messages import CameraReport
from davy.domain.age import Age
from davy.domain.camera import CameraAddress
from davy.domain.drops import DropReason
from davy.domain.errors import OtherSiteError, UnknownCameraError
from davy.domain.frame import EncodedFrame
from davy.domain.video import NOBODY, VideoPacket
from davy.streams.clock import ClockOffset
from davy.streams.latest import LatestByKey
from davy.streams.sessions import Sessions
from davy_aggregator.elsewhere import Elsewhere
from davy_aggregator.metrics import AggregatorMetrics

FPS_WINDOW_S = 5.0
ASKED_S = 10.0  # who asks for a single picture may ask for the next
HERE_S = 1.0  # without a frame for so long, a camera's edge may have gone to another replica
GRPC = "grpc"  # the interface of frames that an edge sent to this replica
MQTT = "mqtt"  # the interface of frames that came over the broker
REPLICA = "replica"  # the interface of frames that an edge sent to another replica
REORDER_S = 2.0  # maximum time of reordering in the network: a later arrival is newer, regardless of its seq


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A received frame.

    Args:
        frame: Its age runs from the moment of capture.
        via: "grpc", "mqtt" or "replica".
        session: Number of the edge's stream, over all replicas; a later stream has a higher number.
        received_s: Arrival, in s of time.monotonic.
    """

    frame: EncodedFrame
    via: str
    session: int = 0
    received_s: float = field(default_factory=time.monotonic)

    def age_s(self) -> float:
        """Return the age in s."""
        return self.frame.age.seconds()


@dataclass(slots=True)
class _Camera:
    newest: LiveFrame | None = None
    received: int = 0
    receipts_s: deque[float] = field(default_factory=lambda: deque(maxlen=600))
    video_s: deque[float] = field(default_factory=lambda: deque(maxlen=600))  # receipts of packets
    asked_s: dict[bool, float] = field(default_factory=dict)  # last request for a single picture, by whether it is the raw one


class LiveFrames:
    """Newest frames by camera, with their subscribers.

    Args:
        cameras: Configured cameras.
        accept_unknown: Also accept frames of other cameras of the site, up to max_cameras in total.

    Attributes:
        sessions: Numbers of edges' streams.
        elsewhere: What other replicas say of cameras.
        changed: Called when what viewers want may have changed.
    """

    def __init__(
        self, cameras: Iterable[CameraAddress], metrics: AggregatorMetrics, accept_unknown: bool = False, max_cameras: int = 256
    ) -> None:
        self._cameras = {camera: _Camera() for camera in cameras}
        self._configured = set(self._cameras)
        self._retired: dict[CameraAddress, None] = {}
        self._sites = {camera.site for camera in self._cameras}
        self._clocks: dict[str, ClockOffset] = {}
        self._watchers: set[Watcher] = set()
        self._metrics = metrics
        self._accept_unknown, self._max_cameras = accept_unknown, max_cameras
        self.sessions, self.elsewhere = Sessions(), Elsewhere()
        self.changed: Callable[[], None] = lambda: None

    def set_cameras(self, cameras: Iterable[CameraAddress]) -> None:
        """Set the configured cameras.

        Frames in flight of a removed camera are ignored: an error would end the stream of its edge.
        """
        wanted = dict.fromkeys(cameras)
        for gone in self._configured - wanted.keys():
            self._cameras.pop(gone, None)
            self._retired[gone] = None
        self.elsewhere.forget(self._configured - wanted.keys())
        while len(self._retired) > self._max_cameras:
            self._retired.pop(next(iter(self._retired)))
        self._configured = set(wanted)
        self._sites |= {camera.site for camera in wanted}
        for camera in wanted:
            self._retired.pop(camera, None)
            self._cameras.setdefault(camera, _Camera())

    @property
    def cameras(self) -> list[CameraAddress]:
        return list(self._cameras)

    def has(self, camera: CameraAddress) -> bool:
        """Return whether a camera is among `cameras`."""
        return camera in self._cameras

    def check_known(self, camera: CameraAddress) -> None:
        """Check whether frames of a camera are accepted.

        Raises:
            OtherSiteError: the camera belongs to another site.
            UnknownCameraError: frames of this camera are not accepted.
        """
        if camera in self._cameras:
            return
        if self._sites and camera.site not in self._sites:
            raise OtherSiteError(camera.site, min(self._sites), "frames")
        if not (self._accept_unknown and camera.site in self._sites and len(self._cameras) < self._max_cameras):
            raise self._unknown(camera)

    def check_belongs(self, camera: CameraAddress) -> None:
        """Check whether something of a camera is accepted that its edge kept for a while: the camera may be removed by now.

        Raises:
            OtherSiteError: the camera belongs to another site.
            UnknownCameraError: the site has, and had, no such camera.
        """
        if camera not in self._retired:
            self.check_known(camera)

    def put(self, frame: EncodedFrame, via: str, session: int = 0) -> bool:
        """Store a frame. Return whether it is newer than the stored one.

        A sequence belongs to one boot and one stream of an edge, so that no sender can use up the numbers of another.

        Raises:
            UnknownCameraError: frames of this camera are not accepted.
        """
        if not self.belongs(frame.camera):
            return False
        camera = self._cameras.setdefault(frame.camera, _Camera())
        if camera.newest and not _is_newer(frame, session, camera.newest):
            self._metrics.dropped.labels(frame.camera.edge, frame.camera.camera, "ingest", DropReason.SUPERSEDED).inc()
            return False
        age = Age(self._clocks.setdefault(frame.camera.edge, ClockOffset()).observe(frame.captured_ns))
        camera.received += 1
        camera.receipts_s.append(age.known_at_s)
        self._publish(camera, LiveFrame(replace(frame, age=age), via, session))
        return True

    def add(self, camera: CameraAddress) -> None:
        """Count a camera among `cameras` from now on; `belongs` has accepted it."""
        self._cameras.setdefault(camera, _Camera())

    def put_relayed(self, frame: EncodedFrame, session: int) -> bool:
        """Store a frame that an edge sent to another replica. Return whether it is newer than the stored one.

        Args:
            frame: With its age, as that replica measured it: an offset of the edge's clock is known there.
            session: Number of the edge's stream to that replica.

        Raises:
            UnknownCameraError: frames of this camera are not accepted.
        """
        if not self.belongs(frame.camera):
            return False
        camera = self._cameras.setdefault(frame.camera, _Camera())
        if camera.newest and not _is_newer_of_replica(frame, session, camera.newest):
            self._metrics.dropped.labels(frame.camera.edge, frame.camera.camera, REPLICA, DropReason.SUPERSEDED).inc()
            return False
        self._publish(camera, LiveFrame(frame, REPLICA, session))
        return True

    def _publish(self, camera: _Camera, live: LiveFrame) -> None:
        frame, via = live.frame, live.via
        labels = (frame.camera.edge, frame.camera.camera)
        camera.newest = live
        self._metrics.received.labels(*labels, via).inc()
        self._metrics.received_bytes.labels(*labels, via).inc(len(frame.jpeg) + len(frame.raw_jpeg))
        self._metrics.age.labels(*labels, "received").observe(frame.age.known_s)
        for watcher in self._watchers:
            watcher.offer(live)

    def newest(self, camera: CameraAddress) -> LiveFrame | None:
        """Return the newest frame of any age that is here.

        Raises:
            UnknownCameraError: no such camera.
        """
        if camera not in self._cameras:
            raise self._unknown(camera)
        return self._cameras[camera].newest

    def known(self, camera: CameraAddress) -> LiveFrame | None:
        """Return the newest frame that any replica has; one that is elsewhere comes without its pictures.

        Raises:
            UnknownCameraError: no such camera.
        """
        here, elsewhere = self.newest(camera), self.elsewhere.newest(camera)
        if elsewhere is None:
            return here
        report, age_s, heard_s = elsewhere
        if report.frame is None or (here and (here.session, here.frame.seq) >= (report.session, report.frame.seq)):
            return here
        return LiveFrame(replace(report.frame, age=Age(age_s, heard_s)), REPLICA, report.session, heard_s)

    def is_behind(self, camera: CameraAddress) -> bool:
        """Return whether another replica has a newer frame of a camera than there is here."""
        return self.known(camera) is not self.newest(camera)

    def is_here(self, camera: CameraAddress) -> bool:
        """Return whether the camera's edge sent a frame to this replica within the last second."""
        known = self._cameras.get(camera)
        return known is not None and bool(known.receipts_s) and time.monotonic() - known.receipts_s[-1] < HERE_S

    def _unknown(self, camera: CameraAddress) -> UnknownCameraError:
        return UnknownCameraError(camera.key, [known.key for known in self._cameras])

    def belongs(self, camera: CameraAddress) -> bool:
        """Return whether frames of a camera are taken; those of a removed one are ignored.

        Raises:
            UnknownCameraError: frames of this camera are not accepted.
        """
        if camera in self._retired:
            return False
        self.check_known(camera)
        return True

    def count_video(self, packet: VideoPacket, *, relayed: bool = False) -> VideoPacket:
        """Count a received packet; return it with its age, which a packet of another replica has already."""
        via = f"{REPLICA}-video-{packet.variant}" if relayed else f"video-{packet.variant}"
        labels = (packet.camera.edge, packet.camera.camera, via)
        self._metrics.received.labels(*labels).inc()
        self._metrics.received_bytes.labels(*labels).inc(len(packet.data))
        if relayed:
            return packet
        clock = self._clocks.setdefault(packet.camera.edge, ClockOffset())
        age = Age(clock.observe(packet.captured_ns))
        if packet.variant == "enhanced":
            self._cameras.setdefault(packet.camera, _Camera()).video_s.append(age.known_at_s)
        return replace(packet, age=age)

    def ask(self, camera: CameraAddress, *, raw: bool = False) -> None:
        """Note that somebody asks for single pictures of a camera: for 10 s its edge sends every one."""
        if camera in self._cameras:
            self._cameras[camera].asked_s[raw] = time.monotonic()
            self.changed()

    def viewed(self) -> set[CameraAddress]:
        """Return the cameras that somebody looks at here, wherever their edges send."""
        since_s, watchers = time.monotonic() - ASKED_S, [each for each in self._watchers if each.asks and each.relayed]
        if any(watcher.cameras is None for watcher in watchers):
            return set(self._cameras)
        asked = {camera for camera, known in self._cameras.items() if any(at_s >= since_s for at_s in known.asked_s.values())}
        return asked.union(*(watcher.cameras or () for watcher in watchers))

    def demand(self, camera: CameraAddress, *, here_only: bool = True) -> tuple[float, bool]:
        """Return what viewers of a camera want at present: pictures per second, and whether raw ones come along.

        0 pictures per second means every one, -1 that nobody looks.

        Args:
            camera: The camera.
            here_only: Count consumers that take frames of this replica's edges alone, too.
        """
        since_s = time.monotonic() - ASKED_S
        asked = self._cameras[camera].asked_s if camera in self._cameras else {}
        recent = [raw for raw, at_s in asked.items() if at_s >= since_s]
        watchers = [each for each in self._watchers if each.asks and (here_only or each.relayed) and each.follows(camera)]
        rates = [watcher.fps(camera) for watcher in watchers] + [0.0] * len(recent)
        fps = 0.0 if 0.0 in rates else max(rates, default=NOBODY)
        return fps, True in recent or any(watcher.wants_raw(camera) for watcher in watchers)

    def fps(self, camera: CameraAddress) -> float:
        """Return the frames per second over the last 5 s, at every replica: pictures, or packets of video if they are more."""
        return self._fps_here(camera) + self.elsewhere.fps(camera)

    def _fps_here(self, camera: CameraAddress) -> float:
        known, since_s = self._cameras[camera], time.monotonic() - FPS_WINDOW_S
        for receipts in (known.receipts_s, known.video_s):
            while receipts and receipts[0] < since_s:
                receipts.popleft()
        return max(len(known.receipts_s), len(known.video_s)) / FPS_WINDOW_S

    def report(self, camera: CameraAddress, video: bool) -> CameraReport | None:
        """Return what other replicas learn of a camera; None if its edge sends nothing to this one over gRPC.

        Args:
            camera: The camera.
            video: Whether its edge is connected here and offers its video.
        """
        known = self._cameras[camera]
        newest = known.newest if known.newest and known.newest.via == GRPC else None
        if newest is None and not video:
            return None
        session = newest.session if newest else self.sessions.newest
        frame, age_s = (newest.frame, newest.age_s()) if newest else (None, 0.0)
        return CameraReport(camera, frame, age_s, session, self._fps_here(camera), known.received, video)

    def received(self, camera: CameraAddress) -> int:
        """Return the number of frames that replicas received from the camera's edge."""
        return self._cameras[camera].received + self.elsewhere.received(camera)

    def clock_offset_ms(self, edge: str) -> float:
        """Return the lag of the edge's clock in ms; 0 within 2 s."""
        offset_ns = self._clocks[edge].offset_ns if edge in self._clocks else self.elsewhere.clock_offset_ns(edge)
        return offset_ns / 1e6

    def clock_offsets_ns(self) -> dict[str, int]:
        """Return the lag of the clock of every edge that sends to this replica, in ns."""
        return {edge: clock.offset_ns for edge, clock in self._clocks.items()}

    @contextmanager
    def watch(
        self,
        name: str,
        cameras: Collection[CameraAddress] | None = None,
        max_fps: float = 0.0,
        max_age_s: float = 0.0,
        *,
        relayed: bool = True,
    ) -> "Iterator[Watcher]":
        """Subscribe to cameras (None: all) for the duration of the block; the newest frames come first.

        Args:
            name: Name of the consumer in the drop counters.
            max_fps: Limit per camera; 0: none.
            max_age_s: Drop older frames; 0: none.
            relayed: Also take frames that edges send to other replicas.
        """
        watcher = Watcher(name, cameras, max_fps, max_age_s, self._metrics, relayed, lambda: self.changed())
        self._watchers.add(watcher)
        for camera in self._cameras.values():
            if camera.newest:
                watcher.offer(camera.newest)
        self.changed()
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
            self.changed()


def _is_newer(frame: EncodedFrame, session: int, newest: LiveFrame) -> bool:
    """Return whether a frame that an edge sent here replaces the newest one of its camera."""
    if frame.boot_id != newest.frame.boot_id:
        return session >= newest.session or _is_over(newest)  # an older stream may still deliver its frames in flight
    if session == newest.session:
        return frame.seq > newest.frame.seq or (frame.seq != newest.frame.seq and _is_over(newest))
    return session > newest.session or _is_over(newest)


def _is_newer_of_replica(frame: EncodedFrame, session: int, newest: LiveFrame) -> bool:
    """Return whether a frame of another replica replaces the newest one: it may have been kept for a while."""
    if frame.boot_id == newest.frame.boot_id and session == newest.session:
        return frame.seq > newest.frame.seq
    return session > newest.session or (_is_over(newest) and frame.age.seconds() < newest.age_s())


def _is_over(newest: LiveFrame) -> bool:
    return time.monotonic() - newest.received_s > REORDER_S


class Watcher:
    """One subscriber; at most one frame waits per camera. `LiveFrames.watch` makes it."""

    def __init__(
        self,
        name: str,
        cameras: Collection[CameraAddress] | None,
        max_fps: float,
        max_age_s: float,
        metrics: AggregatorMetrics,
        relayed: bool,
        changed: Callable[[], None],
    ) -> None:
        self.cameras = frozenset(cameras) if cameras is not None else None
        self.max_fps = max_fps
        self.fps_of: Mapping[CameraAddress, float] = {}  # limits of single cameras, instead of max_fps
        self.may_send: Callable[[CameraAddress], bool] = lambda _: True
        self.asks = True  # whether edges send more for it; False takes what there is
        self.wants_raw: Callable[[CameraAddress], bool] = lambda _: False  # whether its frames are of use with the raw picture
        self.relayed = relayed  # whether it takes frames of other replicas, too
        self._name, self._max_age_s, self._metrics, self._changed = name, max_age_s, metrics, changed
        self._slots: LatestByKey[CameraAddress, LiveFrame] = LatestByKey()
        self._due_s: dict[CameraAddress, float] = {}

    def offer(self, live: LiveFrame) -> None:
        """Put a frame into its camera's slot; never waits."""
        camera = live.frame.camera
        if not self.relayed and live.via == REPLICA:
            return
        if self.follows(camera) and self._slots.put(camera, live) is not None:
            self._count(camera, DropReason.SUPERSEDED)

    def wake(self) -> None:
        """Apply a change of `may_send`, `cameras`, `max_fps` or `fps_of` at once."""
        self._slots.wake()
        self._changed()

    def hurry(self, camera: CameraAddress) -> None:
        """Let the next frame of a camera go at once, whatever the rate before was."""
        self._due_s.pop(camera, None)

    def wake_for(self, camera: CameraAddress) -> None:
        """Apply a change of `may_send` for one camera, if a frame of it waits."""
        if camera in self._slots:
            self._slots.wake()

    async def take(self) -> LiveFrame:
        """Wait for the next frame that may be sent; the camera that waited longest comes first."""
        while True:
            camera, live = await self._slots.take(self._delay)
            if self._max_age_s and live.age_s() > self._max_age_s:
                self._count(camera, DropReason.TOO_OLD)
                continue
            self._pace(camera)
            return live

    def follows(self, camera: CameraAddress) -> bool:
        """Return whether it takes frames of a camera."""
        return self.cameras is None or camera in self.cameras

    def fps(self, camera: CameraAddress) -> float:
        """Return its limit of frames per second of a camera; 0: none."""
        return self.fps_of.get(camera, self.max_fps)

    def _delay(self, camera: CameraAddress) -> float | None:
        if not self.follows(camera) or not self.may_send(camera):
            return None
        due_s = self._due_s.get(camera)
        return 0.0 if due_s is None else due_s - time.monotonic()

    def _pace(self, camera: CameraAddress) -> None:
        """Keep the rate on average: a source with jitter around that rate loses no frame."""
        if fps := self.fps(camera):
            now_s, period_s = time.monotonic(), 1 / fps
            self._due_s[camera] = max(self._due_s.get(camera, now_s) + period_s, now_s + period_s / 2)

    def _count(self, camera: CameraAddress, reason: DropReason) -> None:
        self._metrics.dropped.labels(camera.edge, camera.camera, self._name, reason).inc()
