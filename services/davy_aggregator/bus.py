"""The aggregator on MQTT: frames of cameras without edge compute, statuses, and its own events."""

import asyncio
import math
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import aclosing

from davy.adapters.grpc.envelope import check_frame, check_jpeg, to_event
from davy.domain.camera import CameraAddress
from davy.domain.errors import ArchiveUnavailableError, BrokerUnavailableError, DavyError, InvalidInputError
from davy.domain.frame import EncodedFrame
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics, Topic, all_cameras, all_edges
from davy.streams.reconnect import Backoff, retry
from davy.telemetry import get_logger
from davy_aggregator.archive import REPORTER, Archive
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.presence import PresenceTracker

log = get_logger(__name__)

RAW_KEPT = 8  # raw frames per camera that wait for the enhanced one
BACKOFF = Backoff(0.5, 2.0)
PROTOBUF = "application/protobuf"


async def track_presence(bus: Bus, site: str, presence: PresenceTracker, metrics: AggregatorMetrics) -> None:
    """Keep the presence of edges and cameras up to date, until cancelled."""
    filters = [all_edges(leaf, site) for leaf in ("status", "info", "stats")] + [all_cameras("status", site)]
    async for message in bus.subscribe(filters, qos=1, depth=1024):
        try:
            if Topic.parse(message.topic).edge != REPORTER:
                presence.apply(message)
        except InvalidInputError as error:
            metrics.refused.labels("mqtt", type(error).__name__).inc()
            log.warning("mqtt.refused", topic=message.topic, error=str(error))
        for edge, state in presence.edges.items():
            metrics.edge_online.labels(edge).set(state.online is True)


async def follow_passthrough_cameras(
    bus: Bus, cameras: Sequence[CameraAddress], live: LiveFrames, presence: PresenceTracker, metrics: AggregatorMetrics
) -> None:
    """Receive enhanced frames of cameras without edge compute, each with the raw frame of the same seq, until cancelled.

    Args:
        cameras: The present ones; others of the same edges may be added and removed in live.
    """
    raws: dict[CameraAddress, deque[tuple[str, str, bytes]]] = defaultdict(lambda: deque(maxlen=RAW_KEPT))
    edges = dict.fromkeys((camera.site, camera.edge) for camera in cameras)
    filters = [all_cameras(leaf, site, edge) for site, edge in edges for leaf in ("raw", "frame")]  # cameras may be added
    async for message in bus.subscribe(filters, qos=0, depth=8 * len(cameras)):
        topic = Topic.parse(message.topic)
        if topic.camera_id not in live.cameras:
            raws.pop(topic.camera_id, None)
            continue
        name = (message.properties.get("boot_id", ""), message.properties.get("seq", ""))
        if topic.leaf == "raw":
            presence.record_raw(topic.camera_id)
            raws[topic.camera_id].append((*name, message.payload))
            continue
        raw = next((jpeg for *other, jpeg in raws[topic.camera_id] if tuple(other) == name), b"")
        try:
            live.put(read_frame(message, raw), "mqtt")
        except DavyError as error:
            metrics.refused.labels("mqtt", type(error).__name__).inc()
            log.warning("mqtt.refused", topic=message.topic, error=str(error))


def read_frame(message: Message, raw_jpeg: bytes = b"") -> EncodedFrame:
    """Read a frame message.

    Raises:
        InvalidInputError: a property is missing or wrong, or the payload is no JPEG.
    """
    properties = message.properties
    try:
        seq, captured_ns, width, height = (int(properties[name]) for name in ("seq", "captured_ns", "width", "height"))
    except (KeyError, ValueError) as error:
        raise InvalidInputError(
            f"{message.topic}: user properties seq, captured_ns, width and height are expected: {error}"
        ) from error
    check_frame(seq, captured_ns, (width, height), properties.get("model", ""), properties.get("traceparent", ""))
    return EncodedFrame(
        camera=Topic.parse(message.topic).camera_id,
        boot_id=properties.get("boot_id", ""),
        seq=seq,
        captured_ns=captured_ns,
        width=width,
        height=height,
        jpeg=check_jpeg(message.payload),
        model=properties.get("model", ""),
        strength=_strength(properties),
        raw_jpeg=raw_jpeg if raw_jpeg[:2] == b"\xff\xd8" else b"",
        traceparent=properties.get("traceparent", ""),
    )


def _strength(properties: Mapping[str, str]) -> float:
    try:
        strength = float(properties.get("strength", "1"))
    except ValueError:
        return 1.0
    return strength if math.isfinite(strength) else 1.0


async def publish_events(bus: Bus, site: str, archive: Archive) -> None:
    """Publish the aggregator's own events, each after it is stored, until cancelled."""
    topic = EdgeTopics(site, REPORTER).event
    position: int | None = None
    while True:
        try:
            async with aclosing(archive.follow(position)) as events:
                async for event in events:
                    if event.edge == REPORTER:
                        await _publish(bus, Message(topic, to_event(event).SerializeToString(), 1, content_type=PROTOBUF))
                    position = event.id
        except ArchiveUnavailableError as error:
            log.warning("events.unreadable", error=str(error))
            await asyncio.sleep(BACKOFF.longest_s)


async def _publish(bus: Bus, message: Message) -> None:
    await retry(lambda: bus.publish(message), BrokerUnavailableError, BACKOFF)
