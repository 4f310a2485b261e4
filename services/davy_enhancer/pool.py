"""A member of the enhancer pool: it enhances raw frames of cameras without edge compute, over MQTT.

The broker distributes the frames of `$share/enhancers/...` among the members, so that the frames of a camera may alternate
between them. Each member has its own temporal state of each camera.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import replace

from prometheus_client import CollectorRegistry
from prometheus_client import Counter as CounterMetric

from davy.adapters.media import jpeg, planes
from davy.adapters.mqtt.frame_messages import messages_of
from davy.deployment.active_model import ActiveModel
from davy.domain.age import Age
from davy.domain.bounds import MAX_SEQ, MAX_SIDE, check_boot_id, check_header_text, check_time_ns, parse_uint
from davy.domain.camera import CameraAddress
from davy.domain.drops import DropPoint, DropReason
from davy.domain.errors import (
    BrokerUnavailableError,
    DavyError,
    FrameTooLargeError,
    ImageTooLargeError,
    MessageRefusedError,
    ModelError,
)
from davy.domain.frame import MAX_LIVE_PIXELS, EncodedFrame, YuvImage
from davy.domain.ports import Bus, Message
from davy.domain.topics import POOL_GROUP, Leaf, Topic, all_cameras, shared
from davy.imaging.runtime import VideoEnhancer
from davy.site import CameraConfig
from davy.streams.accounting import FrameAccounting
from davy.streams.clock import ClockOffset
from davy.streams.guard import Guard
from davy.streams.latest import LatestByKey
from davy.streams.metrics import FrameCollector, FrameTimings
from davy.telemetry import get_logger
from davy.tracing import mark, record, record_since_mark

log = get_logger(__name__)

RECEIVE_DEPTH = 256  # short waits only: the receiver just sorts frames into slots

ConfigOf = Callable[[CameraAddress], CameraConfig]
"""Returns a camera's strength, dials, quality and max_age_ms from site.yaml; defaults for an unknown camera."""


class Camera:
    """State of one camera in this member."""

    def __init__(self, enhancer: VideoEnhancer) -> None:
        self.enhancer = enhancer
        self.busy = False  # its enhancer is stateful: one frame at a time
        self.pixels = 0  # of its frames: its state takes 5 bytes for each
        self._boot_id, self._clock = "", ClockOffset(trust_s=0)

    def age_of(self, frame: EncodedFrame) -> Age:
        """Estimate the age of a received frame; a restart of its edge starts a new estimate."""
        if frame.boot_id != self._boot_id:
            self._boot_id, self._clock = frame.boot_id, ClockOffset(trust_s=0)
        return Age(self._clock.observe(frame.captured_ns))


def _labels(camera: CameraAddress) -> tuple[str, str]:
    return camera.edge, camera.camera


class Pool:
    """Enhances the newest frame of each camera, and counts every dropped one with a reason.

    Args:
        active: The model of the next frame.
        every: Frames of a camera between two runs of the network.
        registry: Registry of the frame metrics.
        cameras: Maximum number of cameras; the edge that has most loses the least recently used one.
        max_pixels: Of one frame of each camera together; the camera with most is evicted.
        threads: Frames enhanced at once.
    """

    def __init__(
        self,
        active: ActiveModel,
        every: int,
        config_of: ConfigOf,
        registry: CollectorRegistry,
        *,
        cameras: int,
        max_pixels: int,
        threads: int,
    ) -> None:
        self._active, self._every, self._config_of = active, every, config_of
        self._limit, self._max_pixels, self._threads = cameras, max_pixels, threads
        self._cameras: OrderedDict[CameraAddress, Camera] = OrderedDict()  # least recently used first
        self._slots: LatestByKey[CameraAddress, EncodedFrame] = LatestByKey()
        self._accounting: FrameAccounting[CameraAddress] = FrameAccounting(sinks=(DropPoint.MQTT,))
        self._timings: FrameTimings[CameraAddress] = FrameTimings(_labels, registry)
        registry.register(FrameCollector(_labels, self._accounting))
        self._refused = CounterMetric(
            "davy_enhancer_pool_refused_total", "Raw messages refused, by error.", ["error"], registry=registry
        )

    async def run(self, bus: Bus) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(bus), name="enhancer.pool.receive")
            for number in range(self._threads):
                tasks.create_task(self._work(bus), name=f"enhancer.pool.{number}")

    async def _receive(self, bus: Bus) -> None:
        guard = Guard("pool", self._count_refused)
        async for message in bus.subscribe([shared(POOL_GROUP, all_cameras(Leaf.RAW))], depth=RECEIVE_DEPTH):
            with guard.message(topic=message.topic):
                self._accept(_parse(message))

    def _count_refused(self, error: Exception) -> None:
        self._refused.labels(type(error).__name__).inc()

    def _accept(self, frame: EncodedFrame) -> None:
        camera = self._camera(frame.camera)
        self._accounting.capture(frame.camera)
        replaced = self._slots.put(frame.camera, replace(frame, age=camera.age_of(frame)))
        if replaced is not None:
            self._drop(replaced, DropReason.SUPERSEDED)

    def _camera(self, camera_id: CameraAddress) -> Camera:
        if camera_id not in self._cameras:
            if len(self._cameras) >= self._limit:
                self._evict_one()
            self._cameras[camera_id] = Camera(VideoEnhancer(self._active.enhancer, self._every))
            self._accounting.open(camera_id)
        self._cameras.move_to_end(camera_id)
        return self._cameras[camera_id]

    def _evict_one(self) -> None:
        """Evict a camera of the edge that has most, the least recently used: an edge can invent any number of them."""
        idle = [each for each, camera in self._cameras.items() if not camera.busy]
        counts = Counter(each.edge for each in idle)
        if idle:  # if all are busy, the number of threads bounds the excess
            self._evict(max(idle, key=lambda each: counts[each.edge]))  # of equals, max finds the first

    def _make_room(self, camera: Camera, frame: EncodedFrame) -> None:
        """Evict the cameras with the largest pictures until the state of this one fits.

        Raises:
            UnreadableImageError: the frame is no JPEG.
            ImageTooLargeError: it has over MAX_LIVE_PIXELS.
        """
        width, height = jpeg.size_of(frame.jpeg)
        if width * height > MAX_LIVE_PIXELS:
            raise ImageTooLargeError(f"{width}x{height} pixels", f"{MAX_LIVE_PIXELS:,} pixels")
        camera.pixels = width * height
        while sum(each.pixels for each in self._cameras.values()) > self._max_pixels:
            idle = [each for each, other in self._cameras.items() if not other.busy and other.pixels]
            if not idle:
                return
            self._evict(max(idle, key=lambda each: self._cameras[each].pixels))

    def _evict(self, camera_id: CameraAddress) -> None:
        del self._cameras[camera_id]
        waiting = self._slots.pop(camera_id)
        if waiting is not None:
            self._drop(waiting, DropReason.STOPPED)
        log.info("pool.camera_evicted", edge=camera_id.edge, camera=camera_id.camera)
        self._accounting.retire(camera_id)
        self._timings.forget(camera_id)

    def _delay(self, camera_id: CameraAddress) -> float | None:
        return None if self._cameras[camera_id].busy else 0.0

    async def _work(self, bus: Bus) -> None:
        while True:
            camera_id, raw = await self._slots.take(self._delay)
            camera = self._cameras[camera_id]
            camera.busy = True
            try:
                frame = await self._enhance(camera, raw)
                if frame is not None:
                    await self._publish(bus, frame)
            finally:
                camera.busy = False
                self._slots.wake()

    async def _enhance(self, camera: Camera, raw: EncodedFrame) -> EncodedFrame | None:
        """Enhance a frame; return None for a dropped one."""
        config = self._config_of(raw.camera)
        if raw.age.limited(config.max_age_ms / 1000).expired:
            self._drop(raw, DropReason.TOO_OLD)
            return None
        began_s, began_ns = time.perf_counter(), time.time_ns()
        try:
            self._make_room(camera, raw)
            frame = await asyncio.to_thread(_enhance, camera.enhancer, self._active, raw, config)
        except Exception as error:  # a bad frame must not end the pool
            self._drop(raw, DropReason.TOO_LARGE if isinstance(error, FrameTooLargeError) else DropReason.ERROR)
            log.warning(
                "pool.frame_rejected",
                edge=raw.camera.edge,
                camera=raw.camera.camera,
                seq=raw.seq,
                error=str(error),
                exc_info=None if isinstance(error, DavyError) else error,
            )
            return None
        self._timings.work(raw.camera, DropPoint.ENHANCE, time.perf_counter() - began_s)
        self._accounting.enhance(raw.camera)
        record(raw.traceparent, "enhance", began_ns, camera=str(raw.camera))
        mark(raw.traceparent, "send")
        return frame

    async def _publish(self, bus: Bus, frame: EncodedFrame) -> None:
        sent, reason = False, DropReason.OFFLINE
        try:
            for message in messages_of(frame):
                await bus.publish(message)
                sent = True
        except MessageRefusedError:  # over the broker's packet limit; the bus logs it
            reason = DropReason.TOO_LARGE
        except BrokerUnavailableError:
            pass  # the bus logs it; the next frame follows
        if sent:
            self._accounting.send(frame.camera, DropPoint.MQTT)
            self._timings.age(frame.camera, DropPoint.MQTT, frame.age.seconds())
            record_since_mark(frame.traceparent, "send", camera=str(frame.camera), sink="mqtt")
        else:
            self._accounting.drop(frame.camera, DropPoint.MQTT, reason)

    def _drop(self, frame: EncodedFrame, reason: DropReason) -> None:
        self._accounting.drop(frame.camera, DropPoint.ENHANCE, reason)


def _parse(message: Message) -> EncodedFrame:
    """Parse a raw message. Third-party publishers may omit all properties."""
    topic = Topic.parse(message.topic)
    properties = message.properties
    captured_ns = parse_uint("captured_ns", properties.get("captured_ns", "0"))
    return EncodedFrame(
        camera=topic.camera_id,
        boot_id=check_boot_id(properties.get("boot_id", "")),
        seq=min(parse_uint("seq", properties.get("seq", "0")), MAX_SEQ),
        captured_ns=check_time_ns("captured_ns", captured_ns or time.time_ns()),
        width=min(parse_uint("width", properties.get("width", "0")), MAX_SIDE),
        height=min(parse_uint("height", properties.get("height", "0")), MAX_SIDE),
        jpeg=message.payload,
        traceparent=check_header_text("traceparent", properties.get("traceparent", "")),
    )


def _enhance(enhancer: VideoEnhancer, active: ActiveModel, frame: EncodedFrame, config: CameraConfig) -> EncodedFrame:
    """Enhance one frame with the active model, in a thread. A swap takes place between two frames of a camera."""
    image = jpeg.decode_yuv(frame.jpeg)
    active.observe(image)
    swapped = active.enhancer is not enhancer.still
    if swapped:
        enhancer.swap(active.enhancer)
    better: YuvImage | None = None
    try:
        better = enhancer.enhance_yuv(image, config.strength, planes.empty(*image.y.shape), config.dials)
    except ModelError:
        active.count_error(enhancer.still)
        raise
    finally:
        if swapped:
            active.count_first_frame(str(frame.camera), better is not None)
    return replace(
        frame,
        jpeg=jpeg.encode(better, config.quality),
        width=image.size[0],
        height=image.size[1],
        model=enhancer.model,
        strength=config.strength,
        enhanced_ns=time.time_ns(),
    )
