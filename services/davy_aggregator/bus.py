"""The MQTT side of the aggregator: frames of cameras without edge compute, statuses, and its own events."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress

from davy.adapters.grpc.envelope import JPEG_START, check_jpeg, to_event
from davy.adapters.mqtt.event_messages import messages_of
from davy.domain.bounds import (
    check_boot_id,
    check_header_text,
    check_seq,
    check_size,
    check_time_ns,
    clamp_share,
    parse_uint,
)
from davy.domain.camera import CameraAddress
from davy.domain.errors import (
    ArchiveUnavailableError,
    BrokerUnavailableError,
    InvalidInputError,
    MessageRefusedError,
    UnreadableImageError,
)
from davy.domain.frame import MAX_JPEG_BYTES, EncodedFrame
from davy.domain.ports import Bus, Message
from davy.domain.topics import EdgeTopics, Leaf, Topic, all_cameras, all_edges
from davy.streams.guard import Guard
from davy.streams.reconnect import Backoff, retry
from davy.telemetry import get_logger
from davy_aggregator.archive import REPORTER, Archive
from davy_aggregator.live import MQTT, LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.presence import PresenceTracker

log = get_logger(__name__)

RAW_KEPT = 8  # raw frames per camera that wait for the enhanced one
BACKOFF = Backoff(0.5, 2.0)


async def track_presence(bus: Bus, site: str, presence: PresenceTracker, metrics: AggregatorMetrics) -> None:
    """Update the presence of edges and cameras until cancelled."""
    filters = [all_edges(leaf, site) for leaf in (Leaf.STATUS, Leaf.INFO, Leaf.STATS)] + [all_cameras(Leaf.STATUS, site)]
    guard = Guard("mqtt", metrics.count_refused)
    async for message in bus.subscribe(filters, qos=1, depth=1024):
        with guard.message(topic=message.topic):
            if Topic.parse(message.topic).edge != REPORTER:
                presence.apply(message)
        for edge, state in presence.edges.items():
            metrics.edge_online.labels(edge).set(state.online is True)


async def follow_passthrough_cameras(
    bus: Bus, cameras: Sequence[CameraAddress], live: LiveFrames, presence: PresenceTracker, metrics: AggregatorMetrics
) -> None:
    """Receive enhanced frames of cameras without edge compute until cancelled, each with the raw frame of the same seq.

    Args:
        cameras: The present cameras; live may add and remove others of the same edges.
    """
    raws: dict[CameraAddress, deque[tuple[str, str, bytes]]] = defaultdict(lambda: deque(maxlen=RAW_KEPT))
    edges = dict.fromkeys((camera.site, camera.edge) for camera in cameras)
    filters = [all_cameras(leaf, site, edge) for site, edge in edges for leaf in (Leaf.RAW, Leaf.FRAME)]  # cameras may be added
    guard = Guard("mqtt", metrics.count_refused)
    async for message in bus.subscribe(filters, qos=0, depth=8 * len(cameras)):
        with guard.message(topic=message.topic):
            camera = Topic.parse(message.topic).camera_id
            if camera not in live.cameras:
                raws.pop(camera, None)
            else:
                _take_frame(message, raws[camera], live, presence)


def _take_frame(message: Message, raws: deque[tuple[str, str, bytes]], live: LiveFrames, presence: PresenceTracker) -> None:
    """Keep a raw frame, or publish an enhanced one with the raw frame of the same boot and seq."""
    topic = Topic.parse(message.topic)
    name = (message.properties.get("boot_id", ""), message.properties.get("seq", ""))
    if topic.leaf == Leaf.RAW:
        presence.record_raw(topic.camera_id)
        raws.append((*name, message.payload if len(message.payload) <= MAX_JPEG_BYTES else b""))
    else:
        live.put(read_frame(message, next((jpeg for *other, jpeg in raws if tuple(other) == name), b"")), MQTT)


def read_frame(message: Message, raw_jpeg: bytes = b"") -> EncodedFrame:
    """Read a frame message.

    Raises:
        InvalidInputError: a property is missing or invalid, or the payload is no JPEG.
    """
    properties = message.properties
    try:
        seq, captured_ns, width, height = (
            parse_uint(name, properties.get(name, "")) for name in ("seq", "captured_ns", "width", "height")
        )
        check_size(width, height)
        return EncodedFrame(
            camera=Topic.parse(message.topic).camera_id,
            boot_id=check_boot_id(properties.get("boot_id", "")),
            seq=check_seq(seq),
            captured_ns=check_time_ns("captured_ns", captured_ns),
            width=width,
            height=height,
            jpeg=check_jpeg(message.payload),
            model=check_header_text("model", properties.get("model", "")),
            strength=_strength(properties),
            raw_jpeg=raw_jpeg if raw_jpeg.startswith(JPEG_START) and len(raw_jpeg) <= MAX_JPEG_BYTES else b"",
            traceparent=check_header_text("traceparent", properties.get("traceparent", "")),
        )
    except UnreadableImageError:
        raise
    except InvalidInputError as error:
        raise InvalidInputError(f"{message.topic}: user properties: {error}") from error


def _strength(properties: Mapping[str, str]) -> float:
    try:
        return clamp_share(float(properties.get("strength", "1")))
    except ValueError:
        return 1.0


async def publish_events(bus: Bus, site: str, archive: Archive) -> None:
    """Publish the events that this process stores for itself until cancelled; another replica publishes its own."""
    topics = EdgeTopics(site, REPORTER)
    position: int | None = None
    while True:
        try:
            async with aclosing(archive.follow(position)) as events:
                async for event in events:
                    if event.edge == REPORTER and event.boot_id in archive.boot_ids:
                        for message in messages_of(topics, to_event(event), event.marks, event.has_keyframe):
                            await _publish(bus, message)
                    position = event.id
        except ArchiveUnavailableError as error:
            log.warning("events.unreadable", error=str(error))
            await asyncio.sleep(BACKOFF.longest_s)


async def _publish(bus: Bus, message: Message) -> None:
    async def attempt() -> None:
        with suppress(MessageRefusedError):  # the bus counts and logs it; REST and console show the event
            await bus.publish(message)

    await retry(attempt, BrokerUnavailableError, BACKOFF)
