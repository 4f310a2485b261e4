"""Live video of every camera, passed on as it comes, and what the edges are asked for.

Nobody decodes here: a packet that an edge encoded once goes to every viewer. An edge sends what somebody looks at, at the
rate at which it is looked at.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from davy.domain.camera import CameraAddress
from davy.domain.drops import DropReason
from davy.domain.video import VARIANTS, Demand, Feed, Variant, VideoPacket
from davy.streams.packets import PacketQueue
from davy.streams.tasks import wait_for_event
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics

STREAM_OVER_S = 2.0  # without a packet, an older stream of an edge may take over again
MAX_GROUP = 600  # packets that are kept for a new viewer


@dataclass(slots=True)
class _Feed:
    """The present group of pictures of one camera and variant, and who follows it."""

    group: list[VideoPacket] = field(default_factory=list)
    session: int = 0
    received_s: float = 0.0
    relayed: bool = False  # whether the newest packet came from another replica
    queues: set[PacketQueue] = field(default_factory=set)
    here_only: set[PacketQueue] = field(default_factory=set)  # of these, those that take no relayed packets


class LiveVideo:
    """The packets of all cameras, with their viewers. Use it on the event loop.

    Args:
        live: The pictures of the same cameras; their viewers count in what is asked of an edge.
        idle_fps: JPEG pictures per second that an edge sends of a camera whose video it sends, if nobody asks for more.
    """

    def __init__(self, live: LiveFrames, metrics: AggregatorMetrics, idle_fps: float = 2.0) -> None:
        self._live, self._metrics, self._idle_fps = live, metrics, idle_fps
        self._feeds: dict[Feed, _Feed] = {}
        self._requests: set[Requests] = set()
        self._remote: Mapping[CameraAddress, Demand] = {}
        self._keys: set[Feed] = set()

    def put(self, packet: VideoPacket, session: int = 0, *, relayed: bool = False) -> None:
        """Pass a packet on to the viewers of its camera.

        Args:
            packet: With its age, if it is relayed.
            session: Number of the edge's stream.
            relayed: The edge sent it to another replica.

        Raises:
            UnknownCameraError: frames of this camera are not accepted.
        """
        if not self._live.belongs(packet.camera):
            return
        feed = self._feeds.setdefault((packet.camera, packet.variant), _Feed())
        if session < feed.session and time.monotonic() - feed.received_s < STREAM_OVER_S:
            return
        feed.session, feed.received_s, feed.relayed = session, time.monotonic(), relayed
        packet = self._live.count_video(packet, relayed=relayed)
        if packet.key:
            feed.group = [packet]
        elif feed.group and packet.follows(feed.group[-1]) and len(feed.group) < MAX_GROUP:
            feed.group.append(packet)
        else:
            feed.group = []
        for queue in feed.queues - feed.here_only if relayed else feed.queues:
            self._offer(queue, packet)

    def _offer(self, queue: PacketQueue, packet: VideoPacket) -> None:
        if not queue.put(packet):
            self._metrics.dropped.labels(packet.camera.edge, packet.camera.camera, "video", DropReason.SUPERSEDED).inc()
            if queue.needs_key:
                self.ask_for_key(packet.camera, packet.variant)

    @contextmanager
    def watch(
        self, camera: CameraAddress, variant: Variant = "enhanced", *, cached: bool = True, relayed: bool = True
    ) -> Iterator[PacketQueue]:
        """Follow a camera for the duration of the block.

        Args:
            camera: The camera.
            variant: Which picture of it.
            relayed: Also take packets that the edge sends to another replica.
            cached: Begin with the last key frame and what followed it, if there is one: the first picture is there at once, up
                to a group of pictures late. Otherwise a new key frame is asked for, and the first packet is now.

        Raises:
            UnknownCameraError: no such camera.
        """
        self._live.check_known(camera)
        feed, queue = self._feeds.setdefault((camera, variant), _Feed()), PacketQueue()
        is_usable = cached and time.monotonic() - feed.received_s < STREAM_OVER_S and (relayed or not feed.relayed)
        group = feed.group if is_usable else []
        for packet in group:
            queue.put(packet)
        feed.queues.add(queue)
        if not relayed:
            feed.here_only.add(queue)
        self._changed(camera)
        if not group:
            # Another replica begins with what it has, unless that may be old.
            self.ask_for_key(camera, variant) if not cached else self.ask_edge_for_key(camera, variant)
        try:
            yield queue
        finally:
            feed.queues.discard(queue)
            feed.here_only.discard(queue)
            self._changed(camera)

    def is_live(self, camera: CameraAddress, variant: Variant = "enhanced") -> bool:
        """Return whether packets of a camera arrived within the last 2 s."""
        feed = self._feeds.get((camera, variant))
        return feed is not None and time.monotonic() - feed.received_s < STREAM_OVER_S

    def can_send(self, camera: CameraAddress) -> bool:
        """Return whether the camera's edge is connected to a replica and offers its video."""
        return self.is_offered(camera) or self._live.elsewhere.offers_video(camera)

    def is_offered(self, camera: CameraAddress) -> bool:
        """Return whether the camera's edge is connected to this replica and offers its video."""
        return any(camera in requests.cameras for requests in self._requests)

    def ask_for_key(self, camera: CameraAddress, variant: Variant) -> None:
        """Ask the camera's edge for a key frame now, through another replica if it is connected there."""
        self.ask_edge_for_key(camera, variant)
        if not self.is_offered(camera):
            self._keys.add((camera, variant))
            self._live.changed()

    def ask_edge_for_key(self, camera: CameraAddress, variant: Variant) -> None:
        """Ask for a key frame, if the camera's edge is connected here."""
        for requests in self._requests:
            requests.ask_for_key(camera, variant)

    def demand(self, camera: CameraAddress) -> Demand:
        """Return what is wanted of a camera now, by viewers of every replica."""
        fps, raw = self._live.demand(camera)
        wanted = merge(Demand(fps, raw, self._watched(camera)), self._remote.get(camera))
        if "enhanced" not in wanted.video or not wanted.fps:
            return replace(wanted, fps=0.0)  # its pictures are the only live ones, or somebody wants every one
        return replace(wanted, fps=max(wanted.fps, self._idle_fps))

    def set_remote(self, demands: Mapping[CameraAddress, Demand]) -> None:
        """Set what viewers of other replicas want; an fps below 0 wants no pictures."""
        changed = {camera for camera in demands.keys() | self._remote.keys() if demands.get(camera) != self._remote.get(camera)}
        self._remote = demands
        for camera in changed:
            self._wake(camera)

    def wanted_here(self) -> dict[CameraAddress, Demand]:
        """Return what viewers of this replica want of cameras, wherever their edges send."""
        cameras = self._live.viewed() | {camera for (camera, _), feed in self._feeds.items() if feed.queues - feed.here_only}
        found = {}
        for camera in cameras:
            fps, raw = self._live.demand(camera, here_only=False)
            found[camera] = Demand(fps, raw, self._watched(camera, here_only=False))
        return found

    def session_of(self, feed: Feed) -> int:
        """Return the number of the stream that brought a feed's newest packet."""
        return self._feeds[feed].session if feed in self._feeds else 0

    def take_keys(self) -> set[Feed]:
        """Return the key frames that are wanted of other replicas' edges, once."""
        keys, self._keys = self._keys, set()
        return keys

    def _watched(self, camera: CameraAddress, *, here_only: bool = True) -> frozenset[Variant]:
        feeds = {variant: self._feeds.get((camera, variant)) for variant in VARIANTS}
        return frozenset(
            variant for variant, feed in feeds.items() if feed and (feed.queues if here_only else feed.queues - feed.here_only)
        )

    def _changed(self, camera: CameraAddress) -> None:
        self._wake(camera)
        self._live.changed()

    def _wake(self, camera: CameraAddress) -> None:
        for requests in self._requests:
            if camera in requests.cameras:
                requests.wake()

    @contextmanager
    def requests(self) -> Iterator["Requests"]:
        """What one connected edge is asked for, for the duration of the block."""
        requests = Requests(self)
        self._requests.add(requests)
        try:
            yield requests
        finally:
            self._requests.discard(requests)


def merge(one: Demand, other: Demand | None) -> Demand:
    """Return the demand that satisfies both: 0 is every picture, below 0 is none."""
    if other is None:
        return one
    fps = 0.0 if 0.0 in (one.fps, other.fps) else max(one.fps, other.fps)
    return Demand(fps, one.raw or other.raw, one.video | other.video)


LOOK_EVERY_S = 0.25  # viewers of pictures change their rate without notice


class Requests:
    """Demands and key frames for the cameras of one edge. `LiveVideo.requests` makes it."""

    def __init__(self, video: LiveVideo) -> None:
        self._video, self._changed = video, asyncio.Event()
        self._sent: dict[CameraAddress, Demand] = {}
        self._keys: set[Feed] = set()
        self.cameras: frozenset[CameraAddress] = frozenset()

    def offer(self, cameras: Iterable[CameraAddress]) -> None:
        """Replace the cameras that the edge offers video of."""
        self.cameras = frozenset(cameras)
        self._sent = {camera: demand for camera, demand in self._sent.items() if camera in self.cameras}
        self.wake()

    def wake(self) -> None:
        """Look at once."""
        self._changed.set()

    def ask_for_key(self, camera: CameraAddress, variant: Variant) -> None:
        """Ask for a key frame, if the edge offers this camera."""
        if camera in self.cameras:
            self._keys.add((camera, variant))
            self.wake()

    async def take(self) -> tuple[dict[CameraAddress, Demand], set[Feed]]:
        """Wait for something that is to be asked: demands that changed, and wanted key frames."""
        while True:
            demands = {camera: self._video.demand(camera) for camera in self.cameras}
            changed = {camera: demand for camera, demand in demands.items() if self._sent.get(camera) != demand}
            self._sent |= changed
            keys, self._keys = self._keys, set()
            if changed or keys:
                return changed, keys
            self._changed.clear()
            await wait_for_event(self._changed, LOOK_EVERY_S)
