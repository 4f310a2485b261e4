import asyncio
import time
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from davy.adapters.fan_out.messages import CameraReport
from davy.domain.age import Age
from davy.domain.camera import CameraAddress
from davy.domain.errors import OtherSiteError, UnknownCameraError
from davy.domain.frame import EncodedFrame
from davy_aggregator import elsewhere
from davy_aggregator import live as live_module
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics

FACE, BELT = CameraAddress("mine", "north", "face"), CameraAddress("mine", "north", "belt")


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def live(registry):
    return LiveFrames([FACE, BELT], AggregatorMetrics(registry))


def frame(seq, camera=FACE, boot_id="b1", age_s=0.0):
    return EncodedFrame(camera, boot_id, seq, time.time_ns() - int(age_s * 1e9), 320, 180, b"\xff\xd8")


def dropped(registry, reason, stage="test"):
    return registry.get_sample_value("davy_aggregator_frames_dropped_total", {"stage": stage, "reason": reason}) or 0


async def take(watcher):
    async with asyncio.timeout(0.5):
        return (await watcher.take()).frame


async def gives_nothing(watcher):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await watcher.take()


async def test_the_newest_frame_wins_and_the_other_is_counted(live, registry):
    with live.watch("test") as watcher:
        for seq in (1, 2, 3):
            live.put(frame(seq), "grpc")
        assert (await take(watcher)).seq == 3
        await gives_nothing(watcher)
    assert dropped(registry, "superseded") == 2


async def test_a_watcher_starts_with_the_newest_frames(live):
    live.put(frame(5), "grpc")
    with live.watch("test") as watcher:
        assert (await take(watcher)).seq == 5


async def test_a_fast_camera_does_not_push_a_slow_one_back(live):
    with live.watch("test") as watcher:
        live.put(frame(1, BELT), "grpc")
        for seq in range(1, 9):
            live.put(frame(seq), "grpc")
        assert (await take(watcher)).camera == BELT
        assert (await take(watcher)).seq == 8


async def test_a_frame_that_comes_late_or_twice_is_not_shown_again(live, registry):
    assert live.put(frame(2), "grpc")
    assert not live.put(frame(2), "grpc")
    assert not live.put(frame(1), "grpc")
    assert live.newest(FACE).frame.seq == 2
    assert dropped(registry, "superseded", "ingest") == 2


async def test_seq_begins_again_with_a_new_boot(live):
    live.put(frame(99), "grpc")
    assert live.put(frame(1, boot_id="b2"), "grpc")


async def test_p1_a_frame_over_its_age_is_not_given(live, registry):
    with live.watch("test", max_age_s=0.5) as watcher:
        live.put(frame(1, age_s=0.6), "grpc")
        await gives_nothing(watcher)
    assert dropped(registry, "too_old") == 1


@pytest.mark.alone  # measures a rate
async def test_max_fps_holds_on_average(live):
    with live.watch("test", max_fps=20) as watcher:
        given, ends_s, seq = 0, time.monotonic() + 1, 0
        while time.monotonic() < ends_s:
            live.put(frame(seq := seq + 1), "grpc")
            try:
                async with asyncio.timeout(0.005):
                    await watcher.take()
                given += 1
            except TimeoutError:
                pass
    assert 15 <= given <= 22


async def test_a_camera_without_credit_waits_and_others_do_not(live):
    with live.watch("test") as watcher:
        credit = {BELT}
        watcher.may_send = credit.__contains__
        live.put(frame(1), "grpc")
        live.put(frame(1, BELT), "grpc")
        assert (await take(watcher)).camera == BELT
        await gives_nothing(watcher)
        credit.add(FACE)
        watcher.wake()
        assert (await take(watcher)).camera == FACE


async def test_only_the_wanted_cameras_are_given(live):
    with live.watch("test", [BELT]) as watcher:
        live.put(frame(1), "grpc")
        await gives_nothing(watcher)


async def test_an_unknown_camera_is_refused_and_the_known_are_listed(live):
    with pytest.raises(UnknownCameraError, match=r"no camera 'south\.x'; known cameras: north\.face, north\.belt"):
        live.put(frame(1, CameraAddress("mine", "south", "x")), "grpc")


async def test_unknown_cameras_of_the_site_are_taken_on_request_up_to_a_bound(registry):
    live = LiveFrames([FACE], AggregatorMetrics(registry), accept_unknown=True, max_cameras=2)
    assert live.put(frame(1, CameraAddress("mine", "south", "x")), "grpc")
    with pytest.raises(UnknownCameraError):
        live.put(frame(1, CameraAddress("mine", "south", "y")), "grpc")


@pytest.mark.parametrize("accept_unknown", [False, True])
async def test_frames_of_another_site_are_refused_with_both_sites_named(registry, accept_unknown):
    live = LiveFrames([FACE], AggregatorMetrics(registry), accept_unknown)
    with pytest.raises(OtherSiteError, match="serves site 'mine', and the frames are of site 'other'"):
        live.put(frame(1, CameraAddress("other", "north", "face")), "grpc")


async def test_a_frame_of_another_replica_keeps_its_age_and_teaches_no_clock(live):
    live.put_relayed(replace(frame(1), age=Age(3600.0)), session=1)
    assert live.newest(FACE).age_s() >= 3600
    assert live.clock_offset_ms("north") == 0


async def test_a_kept_frame_of_another_replica_replaces_no_newer_one(live, monkeypatch):
    monkeypatch.setattr(live_module, "REORDER_S", 0.0)
    live.put(frame(9), "grpc", session=5)
    assert not live.put_relayed(replace(frame(8), age=Age(10.0)), session=5)
    assert not live.put_relayed(replace(frame(9, boot_id="b0"), age=Age(10.0)), session=4)
    assert live.put_relayed(replace(frame(10), age=Age(0.0)), session=5)


async def test_a_watcher_of_this_replicas_edges_gets_no_relayed_frame(live):
    with live.watch("test", relayed=False) as watcher:
        live.put_relayed(frame(1), session=1)
        await gives_nothing(watcher)
        assert live.viewed() == set()
        live.put(frame(2), "grpc", session=2)
        assert (await take(watcher)).seq == 2


async def test_what_another_replica_reports_is_known_here(live):
    report = CameraReport(FACE, frame(7), 0.2, 5, 10.0, 100, True)
    live.elsewhere.hear([(report, 0.3)], {"north": 7_000_000_000})
    known = live.known(FACE)
    assert (known.frame.seq, live.newest(FACE)) == (7, None)
    assert 0.3 <= known.age_s() < 1
    assert (live.fps(FACE), live.received(FACE), live.clock_offset_ms("north")) == (10.0, 100, 7000.0)
    assert live.is_behind(FACE)
    live.put(frame(8), "grpc", session=6)
    assert live.known(FACE) is live.newest(FACE)
    assert not live.is_behind(FACE)


async def test_of_two_replicas_the_one_with_the_later_stream_is_right(live, monkeypatch):
    live.elsewhere.hear([(CameraReport(FACE, frame(7), 0.2, 5, 10.0, 100, True), 0.2)], {})
    live.elsewhere.hear([(CameraReport(FACE, frame(3), 9.0, 4, 0.0, 50, False), 9.0)], {})
    assert live.known(FACE).frame.seq == 7
    monkeypatch.setattr(elsewhere, "SILENT_S", 0.0)
    assert live.fps(FACE) == 0
    live.elsewhere.hear([(CameraReport(FACE, frame(3), 9.0, 4, 0.0, 50, False), 9.0)], {})
    assert live.known(FACE).frame.seq == 3


async def test_fps_counts_the_last_seconds(live):
    for seq in range(1, 11):
        live.put(frame(seq), "grpc")
    assert live.fps(FACE) == 2.0  # 10 in 5 s
    assert live.fps(BELT) == 0


def test_frames_of_an_added_camera_arrive_and_of_a_removed_one_do_not(live):
    shaft = CameraAddress("mine", "north", "shaft")
    live.put(frame(1, BELT), "grpc")
    live.set_cameras([FACE, shaft])
    assert live.cameras == [FACE, shaft]
    assert live.put(frame(1, shaft), "grpc")
    assert not live.put(frame(2, BELT), "grpc")  # it was under way: its edge's stream goes on
    with pytest.raises(UnknownCameraError):
        live.newest(BELT)
    live.set_cameras([FACE, BELT])
    assert live.put(frame(3, BELT), "grpc")


def test_unconfigured_cameras_stay_if_they_are_accepted(registry):
    live = LiveFrames([FACE], AggregatorMetrics(registry), accept_unknown=True)
    live.put(frame(1, BELT), "grpc")
    live.set_cameras([FACE])
    assert live.cameras == [FACE, BELT]
