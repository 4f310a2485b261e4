"""The live plane of video over gRPC: packets out, credits and demands back."""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from davy.adapters.grpc.ingest_client import IngestClient, VideoStream
from davy.adapters.grpc.video import from_demand, from_variant, video_offer
from davy.domain.camera import CameraAddress
from davy.domain.errors import AggregatorUnavailableError, InvalidInputError
from davy.domain.video import Demand, Variant, VideoPacket
from davy.streams.credits import Credits
from davy.streams.packets import PacketQueue
from davy.streams.reconnect import Backoff, keep_connected
from davy.streams.tasks import until_first_ends
from davy.telemetry import get_logger
from davy.v1 import ingest_pb2

log = get_logger(__name__)

DEFAULT_WINDOW = 16
FLIGHT_S = 0.3  # beyond the shortest round trip, a packet is on its way no longer before the next one waits for its answer
HELLO_TIMEOUT_S = 5.0
CREDIT_TIMEOUT_S = 10.0
LOOK_EVERY_S = 1.0  # at the cameras and the identity's files
BACKOFF = Backoff(longest_s=1.0)
MAX_WAIT_S = 0.6  # between the first and the last waiting packet; more is not live
MAX_WAIT_BYTES = 4_000_000

UNKNOWN = Demand()
"""What is sent while no aggregator says what it wants: every frame with its raw picture, and no video."""

Feed = tuple[str, Variant]


class VideoPlane:
    """Sends the packets that the aggregator wants. Use it on the event loop; `demand` and `wants` from any thread.

    Args:
        cameras: Returns the present cameras of the edge.
        ask_for_key: Asks for a key frame of a camera.
        on_slow: Called when the link took packets too slowly, so that some were dropped.
    """

    def __init__(
        self,
        cameras: Callable[[], Iterable[CameraAddress]],
        ask_for_key: Callable[[str, Variant], None],
        on_slow: Callable[[], None] = lambda: None,
    ) -> None:
        self.error = "not connected yet"
        self._cameras, self._ask_for_key, self._on_slow = cameras, ask_for_key, on_slow
        self._demands: Mapping[str, Demand] = {}
        self._queues: dict[Feed, PacketQueue] = {}
        self._credits: Credits[Feed, float] = Credits(DEFAULT_WINDOW)  # times of sending
        self._shortest_s = math.inf  # round trip of this connection
        self._changed = asyncio.Event()
        self._answered_s = 0.0
        self.sent = self.dropped = 0

    def demand(self, camera: str) -> Demand:
        """Return what the aggregator wants of a camera."""
        return self._demands.get(camera, UNKNOWN)

    def wants(self, camera: str) -> frozenset[Variant]:
        """Return the variants that the aggregator wants of a camera."""
        return self.demand(camera).video

    def offer(self, packet: VideoPacket) -> None:
        """Put a packet into its queue; never waits. If the link is too slow, the video goes on with a later key frame."""
        feed = (packet.camera.camera, packet.variant)
        queue = self._queues.setdefault(feed, PacketQueue(MAX_WAIT_BYTES, MAX_WAIT_S))
        dropped = queue.dropped
        if not queue.put(packet) and queue.needs_key:
            self._ask_for_key(*feed)
        if queue.dropped > dropped:
            self.dropped += queue.dropped - dropped
            self._on_slow()
        self._changed.set()

    async def run(self, client: IngestClient) -> None:
        """Send until cancelled; reopen a broken stream with backoff."""
        await keep_connected(lambda: self._session(client), AggregatorUnavailableError, BACKOFF, self._on_lost)

    def _on_lost(self, error: Exception, wait_s: float, failures: int) -> None:  # noqa: ARG002  # self.error has more detail
        if failures == 1:  # an aggregator of an earlier version has no video; the plane of pictures tells of a lost one
            log.info("ingest.unavailable", plane="video", error=self.error, again_in_s=round(wait_s, 1))

    async def _session(self, client: IngestClient) -> None:
        try:
            version = client.identity_version
            async with client.video() as stream:
                hello = await stream.answer(HELLO_TIMEOUT_S)
                self._credits, self._shortest_s = Credits(hello.window or DEFAULT_WINDOW), math.inf
                self.error, self._answered_s = "", _now()
                await until_first_ends(
                    "edge.video", write=self._write(stream), read=self._read(stream), watch=self._watch(stream, client, version)
                )
        except AggregatorUnavailableError as error:
            self.error = str(error)
            raise
        finally:
            self.error = self.error or "stopped"
            self._demands = {}
            for queue in self._queues.values():
                queue.clear()

    async def _write(self, stream: VideoStream) -> None:
        while True:
            self._changed.clear()
            for feed, queue in list(self._queues.items()):
                while len(queue) and self._may_send(feed):
                    packet = await queue.take()
                    if not self._credits:
                        self._answered_s = _now()
                    self._credits.spend(feed, packet.seq, time.monotonic())
                    await stream.send(packet)
                    self.sent += 1
            await self._changed.wait()

    def _may_send(self, feed: Feed) -> bool:
        """Whether a packet may follow: not while earlier ones stand in a queue of the link, which makes all of them late."""
        oldest_s = min(self._credits.items(), default=math.inf)
        return self._credits.available(feed) and time.monotonic() - oldest_s < self._shortest_s + FLIGHT_S

    async def _read(self, stream: VideoStream) -> None:
        while True:
            answer = await stream.answer()
            self._answered_s = _now()
            with suppress(InvalidInputError):  # a variant of a later version
                self._take(answer)

    def _take(self, answer: ingest_pb2.PushVideoResponse) -> None:
        if answer.HasField("demand"):
            before, demand = self.wants(answer.camera), from_demand(answer.demand)
            self._demands = {**self._demands, answer.camera: demand}
            for variant in demand.video - before:
                self._ask_for_key(answer.camera, variant)
        elif answer.key_frame:
            self._ask_for_key(answer.camera, from_variant(answer.variant))
        elif answer.seq:
            feed: Feed = (answer.camera, from_variant(answer.variant))
            sent_s = self._credits.give_back(feed, answer.seq)
            if sent_s is not None:
                self._shortest_s = min(self._shortest_s, time.monotonic() - sent_s)
            self._changed.set()

    async def _watch(self, stream: VideoStream, client: IngestClient, version: int) -> None:
        """Tell the aggregator the cameras; end a stream that is dead, or whose certificate has a successor."""
        offered: list[CameraAddress] | None = None
        while client.identity_version == version:
            cameras = list(self._cameras())
            if cameras != offered:
                await stream.send(video_offer(cameras))
                offered = cameras
            if self._credits and _now() - self._answered_s > CREDIT_TIMEOUT_S:
                raise AggregatorUnavailableError(client.endpoint, f"no credit for {CREDIT_TIMEOUT_S:g} s")
            await asyncio.sleep(LOOK_EVERY_S)


def _now() -> float:
    return asyncio.get_running_loop().time()
