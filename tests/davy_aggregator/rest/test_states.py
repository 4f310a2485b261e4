"""The state of a large site: the whole list once, then differences, made in slices, at a share of a processor."""

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
from davy_aggregator.rest import window_states
from davy_aggregator.rest.window_states import SLICE, STATE_EVERY_S, States
from davy_aggregator.site_status import SiteStatus

CAMERAS = 3 * SLICE + 7


@pytest.fixture
def context(tmp_path):
    cameras = {f"cam-{number}": {"source": "http://10.0.0.7/"} for number in range(CAMERAS)}
    site = SiteConfig.model_validate({"site": "mine", "edges": {"north": {"cameras": cameras}}})
    metrics = AggregatorMetrics(CollectorRegistry())
    live, presence, health = LiveFrames(site.camera_ids(), metrics), PresenceTracker("mine"), Health(metrics)
    for camera in site.camera_ids():
        put(live, camera)
    return SimpleNamespace(live=live, site_status=SiteStatus(site, make_settings(tmp_path), live, presence, health))


@pytest.fixture
def at_once(monkeypatch):
    """States look anew at every call, and no camera's figures are refreshed by their turn."""
    monkeypatch.setattr(window_states, "STATE_EVERY_S", 0.0)
    monkeypatch.setattr(window_states, "MAX_SHARE", float("inf"))


def put(live, camera, seq=1, age_s=0.0, model=""):
    captured_ns = time.time_ns() - int(age_s * 1e9)
    live.put(EncodedFrame(camera, "b1", seq, captured_ns, 320, 180, b"\xff\xd8", model), "grpc")


async def whole(states):
    version, text = await states.message(0, ())
    return version, json.loads(text)


async def change(states, known, shown=()):
    version, text = await states.message(known, shown)
    return version, json.loads(text)


async def test_a_state_is_made_in_slices_between_which_frames_arrive(context):
    turns = 0

    async def arrive():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    arriving = asyncio.create_task(arrive())
    _, state = await whole(States(context))
    arriving.cancel()
    assert turns >= CAMERAS // SLICE
    assert len(state["cameras"]) == CAMERAS and state["site"]["cameras"] == state["site"]["live"] == CAMERAS
    assert state["cameras"][0]["state"] == "live" and "address" not in state["cameras"][0]


async def test_windows_share_a_look_at_the_site(context):
    states = States(context)
    (first, one), (second, other) = await asyncio.gather(states.message(0, ()), states.message(0, ()))
    assert first == second and one == other
    assert states.every_s >= STATE_EVERY_S - 0.1


async def test_after_the_whole_list_only_shown_cameras_and_changes_come(context, at_once):
    states, cameras = States(context), context.live.cameras
    known, state = await whole(states)
    assert state["type"] == "state" and state["edges"] == {"north": "unknown"}
    known, state = await change(states, known, cameras[:2])
    assert state["type"] == "state-change" and "edges" not in state
    assert [row["id"] for row in state["cameras"]] == [camera.key for camera in cameras[:2]]
    put(context.live, cameras[5], seq=2, model="ispcnn-2")
    known, state = await change(states, known)
    assert [(row["id"], row["model"]) for row in state["cameras"]] == [(cameras[5].key, "ispcnn-2")]
    assert (await change(states, known))[1]["cameras"] == []


async def test_a_window_that_missed_states_gets_all_changes_since(context, at_once):
    states, cameras = States(context), context.live.cameras
    known, _ = await whole(states)
    for number in (3, 4):
        put(context.live, cameras[number], seq=2, model="ispcnn-2")
        await change(states, known)
    _, state = await change(states, known)
    assert {row["id"] for row in state["cameras"]} == {cameras[3].key, cameras[4].key}


async def test_figures_of_every_camera_are_refreshed_in_turn(context, monkeypatch):
    monkeypatch.setattr(window_states, "REFRESH_S", 5 * STATE_EVERY_S)
    states = States(context)
    known, _ = await whole(states)
    seen = set()
    for _ in range(5):
        states._due_s = 0.0
        known, state = await change(states, known)
        assert len(state["cameras"]) <= CAMERAS // 5 + 1
        seen |= {row["id"] for row in state["cameras"]}
    assert len(seen) == CAMERAS


async def test_a_removed_camera_is_named_once(context, at_once):
    states, removed = States(context), context.live.cameras[1:]
    known, _ = await whole(states)
    context.live.set_cameras(context.live.cameras[:1])
    known, state = await change(states, known)
    assert set(state["gone"]) == {camera.key for camera in removed}
    assert state["site"]["cameras"] == 1
    assert (await change(states, known))[1]["gone"] == []


async def test_a_window_behind_the_remembered_removals_gets_the_whole_list(context, at_once, monkeypatch):
    monkeypatch.setattr(window_states, "MAX_GONE", 3)
    states = States(context)
    known, _ = await whole(states)
    context.live.set_cameras(context.live.cameras[:10])
    _, state = await change(states, known)
    assert state["type"] == "state" and len(state["cameras"]) == 10


async def test_a_camera_that_is_removed_meanwhile_is_left_out(context):
    making = asyncio.create_task(whole(States(context)))
    await asyncio.sleep(0)
    context.live.set_cameras(context.live.cameras[:1])
    _, state = await making
    assert len(state["cameras"]) <= SLICE + 1
