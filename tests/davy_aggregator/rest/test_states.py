"""The state of a large site: one message for all windows, made in slices, at a share of a processor."""

import asyncio
import json
import time
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import make_settings

from davy.domain.frame import EncodedFrame
from davy.site import SiteConfig
from davy_aggregator.health import Health
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.presence import PresenceTracker
from davy_aggregator.rest.window import SLICE, STATE_EVERY_S, States
from davy_aggregator.site_status import SiteStatus

CAMERAS = 3 * SLICE + 7


@pytest.fixture
def context(tmp_path):
    cameras = {f"cam-{number}": {"source": "http://10.0.0.7/"} for number in range(CAMERAS)}
    site = SiteConfig.model_validate({"site": "mine", "edges": {"north": {"cameras": cameras}}})
    metrics = AggregatorMetrics(CollectorRegistry())
    live, presence, health = LiveFrames(site.camera_ids(), metrics), PresenceTracker("mine"), Health(metrics)
    for camera in site.camera_ids():
        live.put(EncodedFrame(camera, "b1", 1, time.time_ns(), 320, 180, b"\xff\xd8"), "grpc")
    return SimpleNamespace(live=live, site_status=SiteStatus(site, make_settings(tmp_path), live, presence, health))


async def test_a_message_is_made_in_slices_between_which_frames_arrive(context):
    turns = 0

    async def arrive():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    arriving = asyncio.create_task(arrive())
    text = await States(context).message()
    arriving.cancel()
    assert turns >= CAMERAS // SLICE
    state = json.loads(text)
    assert len(state["cameras"]) == CAMERAS and state["site"]["cameras"] == state["site"]["live"] == CAMERAS
    assert state["cameras"][0]["state"] == "live" and "address" not in state["cameras"][0]


async def test_windows_share_a_message(context):
    states = States(context)
    first, second = await asyncio.gather(states.message(), states.message())
    assert first is second and await states.message() is first
    assert states.every_s >= STATE_EVERY_S - 0.1


async def test_a_camera_that_is_removed_meanwhile_is_left_out(context):
    making = asyncio.create_task(States(context).message())
    await asyncio.sleep(0)
    context.live.set_cameras(context.live.cameras[:1])
    assert len(json.loads(await making)["cameras"]) <= SLICE + 1
