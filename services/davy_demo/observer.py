"""An MQTT subscriber that measures delivered frames: rate, age, and PSNR against the simulator's ground truth."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from davy.adapters.media import jpeg
from davy.domain.camera import CameraAddress
from davy.domain.errors import DavyError
from davy.domain.frame import BgrImage
from davy.domain.ports import Bus, Message
from davy.domain.topics import Leaf, Topic, all_cameras
from davy.imaging.iqa import psnr_db
from davy.streams.clock import ClockOffset
from davy.telemetry import get_logger
from davy_simulator.world import Mine

log = get_logger(__name__)
KEPT_AGES = 100_000  # over 40 minutes of one camera at 40 fps
RATE_WINDOW_S = 5.0


@dataclass(slots=True)
class CameraView:
    """Delivered frames of one camera. Ages in s, PSNR in dB, times on the monotonic clock in s."""

    received: int = 0
    out_of_order: int = 0
    last_seq: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    ages_s: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT_AGES))
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=512))
    raw_psnr_db: list[float] = field(default_factory=list)
    enhanced_psnr_db: list[float] = field(default_factory=list)
    latest: Message | None = None
    clock: ClockOffset = field(default_factory=lambda: ClockOffset(trust_s=math.inf))  # cameras run on this machine

    def record(self, message: Message, now: float, now_ns: int) -> None:
        """Record one frame message."""
        seq = int(message.properties["seq"])
        self.out_of_order += seq <= self.last_seq
        self.last_seq = max(seq, self.last_seq)
        if not self.received:
            self.first_at = now
        self.last_at = now
        self.received += 1
        self.arrivals.append(now)
        self.ages_s.append(self.clock.observe(int(message.properties["captured_ns"]), now_ns))
        self.latest = message

    def restart(self) -> None:
        """Reset the counters and start the measurement again."""
        self.received, self.first_at = 0, 0.0
        self.ages_s.clear()
        self.arrivals.clear()

    def fps(self, now: float) -> float:
        """Return the frames per second over the last RATE_WINDOW_S."""
        since = max(now - RATE_WINDOW_S, self.first_at)
        recent = sum(at > since for at in self.arrivals)
        return recent / max(now - since, 1e-3) if self.received else 0.0

    def mean_fps(self) -> float:
        """Return the frames per second from the first frame to the last."""
        return (self.received - 1) / (self.last_at - self.first_at) if self.received > 1 else 0.0

    def age_ms(self, percent: float) -> float:
        """Return a percentile of the ages in ms; NaN before the first frame."""
        return float(np.percentile(self.ages_s, percent)) * 1000 if self.ages_s else float("nan")


Views = dict[CameraAddress, CameraView]


async def observe(bus: Bus, cameras: Sequence[CameraAddress], views: Views, on_all_delivered: Callable[[], None]) -> None:
    """Fill views until cancelled. Call on_all_delivered once, when every camera has delivered a frame."""
    waiting = set(cameras)
    async for message in bus.subscribe([all_cameras(Leaf.FRAME)]):
        camera = Topic.parse(message.topic).camera_id
        if camera not in views:
            continue
        views[camera].record(message, time.monotonic(), time.time_ns())
        if waiting:
            waiting.discard(camera)
            if not waiting:
                on_all_delivered()


async def sample_quality(mine: Mine, places: dict[CameraAddress, str], views: Views, period_s: float) -> None:
    """Measure the PSNR of the cameras in turn until cancelled, each once per period_s."""
    while True:
        for camera, place in places.items():
            await asyncio.sleep(period_s / len(places))
            view = views[camera]
            if view.latest is None:
                continue
            try:
                raw_db, enhanced_db = await asyncio.to_thread(measure, mine, place, view.latest)
            except DavyError as error:
                log.warning("quality_not_measured", edge=camera.edge, camera=camera.camera, reason=str(error))
                continue
            view.raw_psnr_db.append(raw_db)
            view.enhanced_psnr_db.append(enhanced_db)


def measure(mine: Mine, place: str, message: Message) -> tuple[float, float]:
    """Return the PSNR in dB, raw and enhanced, of a delivered frame against the ground truth of the same instant."""
    enhanced, truth, at_s = delivered(mine, place, message)
    return psnr_db(mine.render(place, at_s, (truth.shape[1], truth.shape[0])), truth), psnr_db(enhanced, truth)


def delivered(mine: Mine, place: str, message: Message) -> tuple[BgrImage, BgrImage, float]:
    """Return a delivered frame, its ground truth in the same size, and its instant on the simulator's clock in s."""
    enhanced = jpeg.decode(message.payload)
    at_s = mine.time_of(int(message.properties["captured_ns"]))
    return enhanced, mine.truth(place, at_s, (enhanced.shape[1], enhanced.shape[0])), at_s
