"""The newest frame of every camera, and whoever waits for the next one. Newest wins; nothing queues."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from davy.domain.errors import UnknownCameraError
from davy.domain.frame import CameraId, EncodedFrame
from davy_aggregator.clock import EdgeClock
from davy_aggregator.metrics import AggregatorMetrics

FPS_WINDOW_S = 5.0


def camera_key(camera: CameraId) -> str:
    """A camera's name within its site, as URLs and events carry it: "edge.camera"."""
    return f"{camera.edge}.{camera.camera}"


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A frame that was received.

    Args:
        received_s: On this process's monotonic clock.
        age_at_receipt_s: Seconds from capture to receipt.
        via: "grpc", "mqtt" or "store".
    """

    frame: EncodedFrame
    received_s: float
    age_at_receipt_s: float
    via: str

    def age_s(self, now_s: float | None = None) -> float:
        return self.age_at_receipt_s + max(0.0, (time.monotonic() if now_s is None else now_s) - self.received_s)


@dataclass(slots=True)
class _Camera:
    newest: LiveFrame | None = None
    received: int = 0
    receipts_s: deque[float] = field(default_factory=lambda: deque(maxlen=600))


class LiveFrames:
    """Frames by camera.

    Args:
        cameras: Those that the site's file names.
        accept_unknown: Take frames of other cameras of the same site too, up to max_cameras in all.
    """

    def __init__(
        self, cameras: Iterable[CameraId], metrics: AggregatorMetrics, accept_unknown: bool = False, max_cameras: int = 256
    ) -> None:
        self._cameras = {camera: _Camera() for camera in cameras}
        self._configured = set(self._cameras)
        self._retired: dict[CameraId, None] = {}
        self._sites = {camera.site for camera in self._cameras}
        self._clocks: dict[str, EdgeClock] = {}
        self._watchers: set[Watcher] = set()
        self._metrics = metrics
        self._accept_unknown, self._max_cameras = accept_unknown, max_cameras

    def know(self, cameras: Iterable[CameraId]) -> None:
        """Take frames of these configured cameras from now on. Of those that are no longer configured some are under way still:
        they are thrown away without a word, for an error would end their edge's stream, and its other cameras' with it."""
        wanted = dict.fromkeys(cameras)
        for gone in self._configured - wanted.keys():
            self._cameras.pop(gone, None)
            self._retired[gone] = None
        while len(self._retired) > self._max_cameras:
            self._retired.pop(next(iter(self._retired)))
        self._configured = set(wanted)
        for camera in wanted:
            self._retired.pop(camera, None)
            self._cameras.setdefault(camera, _Camera())

    @property
    def cameras(self) -> list[CameraId]:
        return list(self._cameras)

    def check_known(self, camera: CameraId) -> None:
        """Raises UnknownCameraError where frames of this camera are not taken."""
        if camera in self._cameras:
            return
        if not (self._accept_unknown and camera.site in self._sites and len(self._cameras) < self._max_cameras):
            raise self._unknown(camera)

    def put(self, frame: EncodedFrame, via: str) -> bool:
        """Take a frame. Returns whether it is newer than what there was.

        Raises:
            UnknownCameraError: the site's file does not name its camera.
        """
        if frame.camera in self._retired:
            return False
        self.check_known(frame.camera)
        camera = self._cameras.setdefault(frame.camera, _Camera())
        labels = (frame.camera.edge, frame.camera.camera)
        if camera.newest and camera.newest.frame.boot_id == frame.boot_id and frame.seq <= camera.newest.frame.seq:
            self._metrics.dropped.labels(*labels, "ingest", "superseded").inc()
            return False
        clock = self._clocks.setdefault(frame.camera.edge, EdgeClock())
        age_ns = clock.age_ns(frame.captured_ns) if via == "store" else clock.observe(frame.captured_ns)  # a cache may be old
        live = LiveFrame(frame, time.monotonic(), age_ns / 1e9, via)
        camera.newest = live
        camera.received += 1
        camera.receipts_s.append(live.received_s)
        self._metrics.received.labels(*labels, via).inc()
        self._metrics.age.labels(*labels, "received").observe(live.age_at_receipt_s)
        for watcher in self._watchers:
            watcher.offer(live)
        return True

    def newest(self, camera: CameraId) -> LiveFrame | None:
        """The newest frame, whatever its age.

        Raises:
            UnknownCameraError: no such camera.
        """
        if camera not in self._cameras:
            raise self._unknown(camera)
        return self._cameras[camera].newest

    def _unknown(self, camera: CameraId) -> UnknownCameraError:
        return UnknownCameraError(camera_key(camera), [camera_key(known) for known in self._cameras])

    def fps(self, camera: CameraId) -> float:
        """Frames a second over the last 5 s."""
        since_s = time.monotonic() - FPS_WINDOW_S
        return sum(receipt >= since_s for receipt in self._cameras[camera].receipts_s) / FPS_WINDOW_S

    def received(self, camera: CameraId) -> int:
        return self._cameras[camera].received

    def skew_ms(self, edge: str) -> float:
        """How far the edge's clock is behind ours, in ms; 0 where they agree within 2 s."""
        return self._clocks[edge].skew_ms if edge in self._clocks else 0.0

    @contextmanager
    def watch(
        self,
        name: str,
        cameras: Collection[CameraId] | None = None,
        max_fps: float = 0.0,
        max_age_s: float = 0.0,
    ) -> "Iterator[Watcher]":
        """Follow cameras (None: all) as long as the block runs, beginning with the newest frames there are.

        Args:
            name: The stage under which its dropped frames are counted.
            max_fps: Per camera; 0 takes every frame.
            max_age_s: Older frames are not given; 0 gives every frame.
        """
        watcher = Watcher(name, cameras, max_fps, max_age_s, self._metrics)
        self._watchers.add(watcher)
        for camera in self._cameras.values():
            if camera.newest:
                watcher.offer(camera.newest)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)


class Watcher:
    """One subscriber: at most one frame waits per camera. Made by `LiveFrames.watch`."""

    def __init__(
        self,
        name: str,
        cameras: Collection[CameraId] | None,
        max_fps: float,
        max_age_s: float,
        metrics: AggregatorMetrics,
    ) -> None:
        self.cameras = frozenset(cameras) if cameras is not None else None
        self.max_fps = max_fps
        self.may_send: Callable[[CameraId], bool] = lambda _: True
        self._name, self._max_age_s, self._metrics = name, max_age_s, metrics
        self._waiting: dict[CameraId, LiveFrame] = {}  # in the order in which they came
        self._due_s: dict[CameraId, float] = {}
        self._woken = asyncio.Event()

    def offer(self, live: LiveFrame) -> None:
        camera = live.frame.camera
        if self.cameras is not None and camera not in self.cameras:
            return
        if camera in self._waiting:
            self._count(camera, "superseded")
        self._waiting[camera] = live  # keeps its turn: a fast camera does not push a slow one back
        self._woken.set()

    def wake(self) -> None:
        """Look again: `may_send`, cameras or max_fps have changed."""
        self._woken.set()

    async def take(self) -> LiveFrame:
        """The next frame that may be sent, each camera in its turn."""
        while True:
            self._woken.clear()
            now_s = time.monotonic()
            self._forget_old(now_s)
            next_due_s: float | None = None
            for camera in self._waiting:
                if not self.may_send(camera) or (self.cameras is not None and camera not in self.cameras):
                    continue
                due_s = self._due_s.get(camera, 0.0)
                if due_s <= now_s:
                    self._pace(camera, now_s)
                    return self._waiting.pop(camera)
                next_due_s = due_s if next_due_s is None else min(next_due_s, due_s)
            await self._sleep(None if next_due_s is None else next_due_s - now_s)

    def _forget_old(self, now_s: float) -> None:
        if not self._max_age_s:
            return
        for camera in [camera for camera, live in self._waiting.items() if live.age_s(now_s) > self._max_age_s]:
            del self._waiting[camera]
            self._count(camera, "too_old")

    def _pace(self, camera: CameraId, now_s: float) -> None:
        """Keep max_fps on average; a source that jitters around the same rate loses nothing."""
        if self.max_fps:
            period_s = 1 / self.max_fps
            self._due_s[camera] = max(self._due_s.get(camera, now_s) + period_s, now_s + period_s / 2)

    async def _sleep(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._woken.wait()
        except TimeoutError:
            return

    def _count(self, camera: CameraId, reason: str) -> None:
        self._metrics.dropped.labels(camera.edge, camera.camera, self._name, reason).inc()
