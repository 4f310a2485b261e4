"""Sends other replicas the live pictures that their viewers want, and nothing that nobody there looks at."""

import asyncio
import time
from collections.abc import Mapping

from davy.adapters.fan_out.messages import Head, pack_frame, pack_packet
from davy.domain.camera import CameraAddress
from davy.domain.errors import StoreUnavailableError
from davy.domain.fan_out import FanOut
from davy.domain.video import NOBODY, Demand, Feed
from davy.streams.tasks import end, until_first_ends, wait_for_event
from davy_aggregator.fan_out.channels import frames_of, video_of
from davy_aggregator.live import GRPC, LiveFrame, LiveFrames, Watcher
from davy_aggregator.video import LiveVideo, merge

STAGE = "replicas"
SILENT_S = 3.0  # the demand of a replica that died ends
LOOK_EVERY_S = 0.5
SENDERS = 4  # frames on their way to the engine; others wait in their slots, where the newest wins


class Sending:
    """Frames and packets for the viewers of other replicas. Use it on the event loop.

    Args:
        fan_out: The engine.
        name: This replica's name.
        live: Frames of the edges that send to this replica.
        video: Packets of the same edges.
        keep_s: Life of the newest frame in the engine, in s.
    """

    def __init__(self, fan_out: FanOut, name: str, live: LiveFrames, video: LiveVideo, keep_s: float) -> None:
        self._fan_out, self._name, self._live, self._video, self._keep_s = fan_out, name, live, video, keep_s
        self._of_replicas: dict[str, tuple[Mapping[CameraAddress, Demand], float]] = {}
        self.wanted: dict[CameraAddress, Demand] = {}
        self._watcher: Watcher | None = None
        self._relays: dict[Feed, asyncio.Task[None]] = {}
        self._fresh: set[Feed] = set()  # feeds whose viewers want no earlier packets
        self._changed = asyncio.Event()

    def hear(self, head: Head, demands: Mapping[CameraAddress, Demand], keys: set[Feed]) -> None:
        """Take what the viewers of one replica want now."""
        self._of_replicas[head.replica] = (demands, time.monotonic())
        self._fresh |= {feed for feed in keys if feed not in self._relays}
        self._merge()
        for camera, variant in keys:
            self._video.ask_edge_for_key(camera, variant)

    def refresh(self) -> None:
        """Count every demand as new: while the engine was away, none could be repeated."""
        now_s = time.monotonic()
        self._of_replicas = {name: (demands, now_s) for name, (demands, _) in self._of_replicas.items()}

    def _merge(self) -> None:
        since_s = time.monotonic() - SILENT_S
        self._of_replicas = {name: heard for name, heard in self._of_replicas.items() if heard[1] >= since_s}
        wanted: dict[CameraAddress, Demand] = {}
        for demands, _ in self._of_replicas.values():
            for camera, demand in demands.items():
                if self._live.has(camera):
                    wanted[camera] = merge(demand, wanted.get(camera))
        if wanted == self.wanted:
            return
        before, self.wanted = self.wanted, wanted
        self._video.set_remote(wanted)
        self._aim(before)
        self._changed.set()

    def _aim(self, before: Mapping[CameraAddress, Demand]) -> None:
        """Let the watcher of frames follow what is wanted; a camera that is new begins with its newest frame."""
        if self._watcher is None:
            return
        pictures = {camera: demand for camera, demand in self.wanted.items() if demand.fps != NOBODY}
        self._watcher.cameras = frozenset(pictures)
        self._watcher.fps_of = {camera: demand.fps for camera, demand in pictures.items()}
        for camera, demand in pictures.items():
            if before.get(camera) != demand:
                self._watcher.hurry(camera)
                if newest := self._live.newest(camera):
                    self._watcher.offer(newest)
        self._watcher.wake()

    async def run(self) -> None:
        """Send until cancelled; raises StoreUnavailableError."""
        try:
            senders = {f"frames-{number}": self._send_frames() for number in range(SENDERS)}
            with self._live.watch(STAGE, (), relayed=False) as self._watcher:
                self._watcher.asks = False  # the edge is asked by way of LiveVideo.set_remote
                self._aim({})
                await until_first_ends(STAGE, relay=self._relay_video(), **senders)
        finally:
            self._watcher = None
            await end(*self._relays.values())
            self._relays.clear()

    async def _send_frames(self) -> None:
        while self._watcher is not None:
            await self.send(await self._watcher.take())

    async def send(self, live: LiveFrame) -> None:
        """Send one frame, with the raw picture if a viewer wants it; raises StoreUnavailableError.

        A frame that came over MQTT reached every replica that way.
        """
        if live.via != GRPC:
            return
        camera = live.frame.camera
        demand = self.wanted.get(camera)
        include_raw = demand is None or demand.raw
        message = pack_frame(self._name, self._live.sessions.newest, live.frame, live.session, include_raw=include_raw)
        await self._fan_out.publish(frames_of(camera, self._keep_s), message)

    async def _relay_video(self) -> None:
        """Run a relay per wanted feed of the edges that are connected here."""
        while True:
            self._merge()
            wanted = {(camera, variant) for camera, demand in self.wanted.items() for variant in demand.video}
            wanted = {feed for feed in wanted if self._video.is_offered(feed[0])}
            for feed in [feed for feed, task in self._relays.items() if feed not in wanted or task.done()]:
                await end(self._relays.pop(feed))
            for feed in wanted - self._relays.keys():
                self._relays[feed] = asyncio.create_task(self._relay(feed, feed not in self._fresh), name=f"relay.{feed[0]}")
            self._fresh.clear()
            self._changed.clear()
            await wait_for_event(self._changed, LOOK_EVERY_S)

    async def _relay(self, feed: Feed, cached: bool) -> None:
        channel = video_of(*feed)
        with self._video.watch(*feed, cached=cached, relayed=False) as packets:
            while True:
                packet = await packets.take()
                session = self._video.session_of(feed)
                try:
                    await self._fan_out.publish(channel, pack_packet(self._name, self._live.sessions.newest, packet, session))
                except StoreUnavailableError:  # the reader notices the loss, and begins anew
                    return
