"""A member of the enhancer pool: raw frames of thin cameras in, enhanced ones out, over MQTT.

The broker deals the frames of `$share/enhancers/...` out among the members, so a camera's frames may alternate between
them; each member keeps its own smoothed state of each camera that it sees.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

from davy.adapters.media import jpeg, planes
from davy.adapters.mqtt.frame_messages import messages_of
from davy.domain.errors import BrokerUnavailableError, DavyError, FrameTooLargeError
from davy.domain.frame import CameraId, EncodedFrame
from davy.domain.ports import Bus, Message
from davy.domain.topics import NotADavyTopicError, Topic, all_cameras, shared
from davy.imaging.runtime import VideoEnhancer
from davy.site import CameraConfig
from davy.telemetry import DropReason, DropStage, FrameMetrics, get_logger
from davy_enhancer.ages import AgeEstimate

log = get_logger(__name__)

GROUP = "enhancers"
RECEIVE_DEPTH = 256  # receiving only sorts frames into slots, so nothing waits here for long

ConfigOf = Callable[[CameraId], CameraConfig]
"""What site.yaml says of a camera: strength, quality, max_age_ms; defaults for one that it does not know."""


@dataclass(frozen=True, slots=True)
class RawFrame:
    """A raw frame in its camera's slot. frame.jpeg holds the raw JPEG until it is enhanced."""

    frame: EncodedFrame
    age_s: float  # when it was received
    received: float  # on time.monotonic's clock

    @property
    def age_now_s(self) -> float:
        return self.age_s + time.monotonic() - self.received


class Camera:
    """What a member keeps of one camera: its newest raw frame and its smoothed state."""

    def __init__(self, enhancer: VideoEnhancer) -> None:
        self.enhancer = enhancer
        self.newest: RawFrame | None = None
        self.busy = False  # its enhancer is stateful: one frame at a time
        self.ages = AgeEstimate()


class Pool:
    """Newest frame of each camera wins; every other one is counted with a reason.

    Args:
        model: the model's id, as frames carry it.
        make_enhancer: makes a stateful enhancer for one camera.
        cameras: kept at most; the one that was silent for longest goes.
        threads: frames enhanced at once.
    """

    def __init__(
        self,
        model: str,
        make_enhancer: Callable[[], VideoEnhancer],
        config_of: ConfigOf,
        metrics: FrameMetrics,
        *,
        cameras: int,
        threads: int,
    ) -> None:
        self._model, self._make_enhancer, self._config_of, self._metrics = model, make_enhancer, config_of, metrics
        self._limit, self._threads = cameras, threads
        self._cameras: OrderedDict[CameraId, Camera] = OrderedDict()  # the one that was silent for longest first
        self._ready: OrderedDict[CameraId, None] = OrderedDict()  # with a frame and not busy; longest waiting first
        self._news = asyncio.Event()
        self._reported: set[str] = set()

    async def run(self, bus: Bus) -> None:
        """Serve until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._receive(bus), name="enhancer.pool.receive")
            for number in range(self._threads):
                tasks.create_task(self._work(bus), name=f"enhancer.pool.{number}")

    async def _receive(self, bus: Bus) -> None:
        async for message in bus.subscribe([shared(GROUP, all_cameras("raw"))], depth=RECEIVE_DEPTH):
            try:
                frame = _parse(message)
            except (NotADavyTopicError, ValueError, KeyError) as error:
                if len(self._reported) < 100 and message.topic not in self._reported:  # once each, and no endless set
                    self._reported.add(message.topic)
                    log.warning("pool.not_a_frame", topic=message.topic, error=repr(error))
                continue
            self._accept(frame)

    def _accept(self, frame: EncodedFrame) -> None:
        camera = self._camera(frame.camera)
        self._metrics.captured.labels(frame.camera.edge, frame.camera.camera).inc()
        self._metrics.in_flight.labels(frame.camera.edge, frame.camera.camera).inc()
        waiting = camera.newest
        camera.newest = RawFrame(frame, camera.ages.age_s(frame.boot_id, frame.captured_ns, time.time_ns()), time.monotonic())
        if waiting is not None:
            self._drop(waiting.frame, DropReason.SUPERSEDED)
        elif not camera.busy:
            self._mark_ready(frame.camera)

    def _mark_ready(self, camera_id: CameraId) -> None:
        self._ready[camera_id] = None
        self._news.set()

    def _camera(self, camera_id: CameraId) -> Camera:
        if camera_id not in self._cameras:
            if len(self._cameras) >= self._limit:
                self._forget_one()
            self._cameras[camera_id] = Camera(self._make_enhancer())
        self._cameras.move_to_end(camera_id)
        return self._cameras[camera_id]

    def _forget_one(self) -> None:
        """Make room, for whoever publishes can invent any number of cameras."""
        camera_id = next((each for each, camera in self._cameras.items() if not camera.busy), None)
        if camera_id is None:
            return  # as many are busy as there are threads: the bound is passed by no more than that
        camera = self._cameras.pop(camera_id)
        self._ready.pop(camera_id, None)
        if camera.newest is not None:
            self._drop(camera.newest.frame, DropReason.STOPPED)
        log.info("pool.camera_forgotten", edge=camera_id.edge, camera=camera_id.camera)
        labels = {"edge": camera_id.edge, "camera": camera_id.camera}
        for metric in vars(self._metrics).values():
            metric.remove_by_labels(labels)

    async def _work(self, bus: Bus) -> None:
        while True:
            while not self._ready:
                self._news.clear()
                await self._news.wait()
            camera_id, _ = self._ready.popitem(last=False)
            camera = self._cameras[camera_id]
            raw, camera.newest = camera.newest, None
            if raw is None:
                continue
            camera.busy = True
            try:
                await self._serve(bus, camera, raw)
            finally:
                camera.busy = False
                if camera.newest is not None:
                    self._mark_ready(camera_id)

    async def _serve(self, bus: Bus, camera: Camera, raw: RawFrame) -> None:
        camera_id = raw.frame.camera
        labels = (camera_id.edge, camera_id.camera)
        config = self._config_of(camera_id)
        if raw.age_now_s > config.max_age_ms / 1000:
            self._drop(raw.frame, DropReason.TOO_OLD)
            return
        try:
            with self._metrics.work.labels(*labels, "enhance").time():
                frame = await asyncio.to_thread(_enhance, camera.enhancer, self._model, raw.frame, config)
        except Exception as error:  # one frame, whatever is wrong with it, ends nothing else
            self._drop(raw.frame, DropReason.TOO_LARGE if isinstance(error, FrameTooLargeError) else DropReason.ERROR)
            unexpected = None if isinstance(error, DavyError) else error
            log.warning(
                "pool.frame_refused", edge=labels[0], camera=labels[1], seq=raw.frame.seq, error=str(error), exc_info=unexpected
            )
            return
        self._metrics.enhanced.labels(*labels).inc()
        self._metrics.in_flight.labels(*labels).dec()
        with contextlib.suppress(BrokerUnavailableError):  # the bus logs it; the next frame is on its way
            for message in messages_of(frame):
                await bus.publish(message)
            self._metrics.age.labels(*labels, "mqtt").observe(raw.age_now_s)

    def _drop(self, frame: EncodedFrame, reason: DropReason) -> None:
        labels = (frame.camera.edge, frame.camera.camera)
        self._metrics.dropped.labels(*labels, DropStage.ENHANCE, reason).inc()
        self._metrics.in_flight.labels(*labels).dec()


def _parse(message: Message) -> EncodedFrame:
    """A raw message as a frame. Foreign publishers may leave out everything but the JPEG."""
    topic = Topic.parse(message.topic)
    told = message.properties
    return EncodedFrame(
        camera=topic.camera_id,
        boot_id=told.get("boot_id", ""),
        seq=int(told.get("seq", 0)),
        captured_ns=int(told.get("captured_ns", 0)) or time.time_ns(),
        width=int(told.get("width", 0)),
        height=int(told.get("height", 0)),
        jpeg=message.payload,
        traceparent=told.get("traceparent", ""),
    )


def _enhance(enhancer: VideoEnhancer, model: str, frame: EncodedFrame, config: CameraConfig) -> EncodedFrame:
    """In a thread."""
    image = jpeg.decode_yuv(frame.jpeg)
    better = enhancer.enhance_yuv(image, config.strength, out=planes.empty(*image.y.shape))
    return replace(
        frame,
        jpeg=jpeg.encode(better, config.quality),
        width=image.size[0],
        height=image.size[1],
        model=model,
        strength=config.strength,
        enhanced_ns=time.time_ns(),
    )
