"""Pipelines side by side, with real threads and the real network; cameras that give more than can be worked on."""

import asyncio
import os
import sys
import threading
import time
from collections import Counter, defaultdict

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from davy.adapters.media import jpeg, planes
from davy.domain.camera import CameraAddress
from davy.domain.drops import DropPoint, DropReason
from davy.domain.frame import EncodedFrame, Frame
from davy.imaging.runtime import StillEnhancer, VideoEnhancer
from davy.site import CameraConfig
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameTimings, labels_of_edge
from davy_edge.frames.fair_semaphore import FairSemaphore
from davy_edge.frames.pipeline import ENHANCE_NICENESS, Pipeline

pytestmark = pytest.mark.system

NAMES = ["gallery", "face", "conveyor", "junction"]
SECONDS = 2.0
AGE_S = 0.5


class Hurried:
    """A camera that has the next frame at once, as planes."""

    def __init__(self, pixels) -> None:
        self._pixels = pixels

    def read(self) -> Frame:
        time.sleep(0.004)
        return Frame(self._pixels, time.time_ns())

    def close(self) -> None:
        return


@pytest.fixture(scope="module")
def still():
    return StillEnhancer()


def scene(height: int = 360, width: int = 640):
    return np.random.default_rng(3).integers(10, 90, (height, width, 3), np.uint8)


@pytest.fixture
def run(still):
    """Let cameras of a config run for so long; gives what was delivered, and the accounting."""

    async def go(
        pixels, config: CameraConfig, names=tuple(NAMES), slots: int = 1, seconds: float = SECONDS, enhance: bool = True
    ):
        accounting, found = FrameAccounting(names), defaultdict(list)
        timings, semaphore = FrameTimings(labels_of_edge("north"), CollectorRegistry()), FairSemaphore(1)

        def deliver(frame: EncodedFrame, sinks: frozenset[DropPoint]) -> None:
            found[frame.camera.camera].append((frame, frame.age.seconds()))

        pipelines = [
            Pipeline(
                CameraAddress("demo", "north", name),
                config,
                "boot",
                lambda url, options: Hurried(pixels),
                VideoEnhancer(still) if enhance else None,
                None,
                semaphore,
                accounting,
                timings,
                deliver,
                lambda *state: None,
            )
            for name in names
        ]
        for pipeline in pipelines:
            pipeline.start()
        await asyncio.sleep(seconds)
        waiting = accounting.read()
        await asyncio.gather(*(asyncio.to_thread(pipeline.stop) for pipeline in pipelines))
        await asyncio.sleep(0)
        return found, accounting, waiting

    return go


async def test_past_the_knee_every_camera_has_its_share_and_the_newest_frame_wins(run):
    config = CameraConfig(source="file:///none", max_age_ms=1000 * AGE_S)
    found, accounting, waiting = await run(planes.from_bgr(scene()), config)
    shares = {name: len(found[name]) for name in NAMES}
    assert min(shares.values()) >= 0.8 * max(shares.values()), shares
    for name, account in accounting.read().items():
        assert account.captured > 2 * account.enhanced > 0, name  # far past the knee
        assert account.dropped[DropPoint.ENHANCE, DropReason.SUPERSEDED] > 0.5 * account.captured
        assert account.in_flight == 0
        assert waiting[name].in_flight <= 2  # one that waits, one that is worked on: nothing queues
    for frames in found.values():
        seqs = [frame.seq for frame, _ in frames]
        assert seqs == sorted(seqs)
        assert np.median([age_s for _, age_s in frames]) < AGE_S


async def test_planes_become_a_jpeg_of_the_same_planes(run):
    image = planes.from_bgr(scene())
    found, _, _ = await run(image, CameraConfig(source="file:///none", quality=95), NAMES[:1], seconds=0.5)
    frame = found["gallery"][-1][0]
    assert (frame.width, frame.height) == (640, 360)
    raw, better = jpeg.decode_yuv(frame.raw_jpeg), jpeg.decode_yuv(frame.jpeg)
    assert np.abs(raw.y.astype(int) - image.y).mean() < 3
    assert better.y.mean() > raw.y.mean()


@pytest.mark.parametrize("pixels", [scene(), planes.from_bgr(scene())], ids=["BGR", "planes"])
async def test_a_thin_camera_s_frames_go_out_as_they_came(run, pixels):
    found, _, _ = await run(pixels, CameraConfig(source="file:///none", quality=90), NAMES[:1], seconds=0.4, enhance=False)
    frame = found["gallery"][-1][0]
    assert (frame.model, frame.raw_jpeg) == ("", b"")
    assert frame.jpeg == jpeg.encode(pixels, 90)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives a thread a niceness of its own")
async def test_enhancing_gives_way_to_reading_and_sending(run):
    going = asyncio.create_task(run(scene(), CameraConfig(source="file:///none"), NAMES[:1], seconds=0.3))
    await asyncio.sleep(0.2)
    own = {thread.name: os.getpriority(os.PRIO_PROCESS, thread.native_id or 0) for thread in threading.enumerate()}
    await going
    assert own["enhance.gallery"] == min(own["capture.gallery"] + ENHANCE_NICENESS, 19)
    assert own["capture.gallery"] == own["MainThread"]


async def test_sizes_may_change_between_frames(still):
    """A camera that is set to another size from outside."""
    sizes, found = Counter(), []
    images = [planes.from_bgr(scene(360, 640)), planes.from_bgr(scene(181, 321)), scene(120, 160)]

    class Changing(Hurried):
        def read(self) -> Frame:
            time.sleep(0.02)
            found.append(1)
            return Frame(images[len(found) // 5 % 3], time.time_ns())

    accounting = FrameAccounting(["gallery"])
    pipeline = Pipeline(
        CameraAddress("demo", "north", "gallery"),
        CameraConfig(source="file:///none"),
        "boot",
        lambda url, options: Changing(None),
        VideoEnhancer(still),
        None,
        FairSemaphore(1),
        accounting,
        FrameTimings(labels_of_edge("north"), CollectorRegistry()),
        lambda frame, sinks: sizes.update([jpeg.size_of(frame.jpeg)]),
        lambda *state: None,
    )
    pipeline.start()
    await asyncio.sleep(1.2)
    await asyncio.to_thread(pipeline.stop)
    assert set(sizes) == {(640, 360), (321, 181), (160, 120)}
    assert accounting.read()["gallery"].dropped[DropPoint.ENHANCE, DropReason.ERROR] == 0


async def test_a_cameras_dials_reach_its_frames(run):
    grey = CameraConfig(source="file:///none", max_age_ms=1000 * AGE_S, preset="night IR")
    for pixels in (scene(), planes.from_bgr(scene())):
        found, _, _ = await run(pixels, grey, names=("face",), seconds=1.0)
        frame, _ = found["face"][-1]
        assert np.ptp(jpeg.decode(frame.jpeg).astype(int), axis=2).max() <= 4
