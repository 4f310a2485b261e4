"""C4: a forged sequence number locked a camera out until its edge restarted."""

import time
from dataclasses import replace

from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import Running, envelope, make_settings, make_site, push, running, until

from davy.domain.age import Age
from davy.domain.bounds import MAX_SEQ
from davy.domain.camera import CameraAddress
from davy.domain.frame import EncodedFrame
from davy_aggregator import live as live_module
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics

FACE = CameraAddress("mine", "north", "face")


def frame(seq: int) -> EncodedFrame:
    return EncodedFrame(FACE, "b1", seq, time.time_ns(), 320, 180, b"\xff\xd8")


async def newest(aggregator: Running) -> int:
    return (await aggregator.get("/v1/cameras/north.face")).json()["seq"]


async def test_c4_a_new_stream_of_the_edge_wins_over_any_sequence_number(tmp_path):
    async with running(make_settings(tmp_path), make_site()) as aggregator:
        await push(aggregator, envelope(MAX_SEQ))
        await push(aggregator, envelope(7))
        await until(lambda: _is(aggregator, 7))


async def _is(aggregator: Running, seq: int) -> bool:
    return await newest(aggregator) == seq


def test_c4_the_stream_that_was_there_before_is_back_soon_after_the_forged_one_is_silent(monkeypatch):
    live = LiveFrames([FACE], AggregatorMetrics(CollectorRegistry()))
    assert live.put(frame(5), "grpc", session=1)
    assert live.put(frame(MAX_SEQ), "grpc", session=2)
    assert not live.put(frame(6), "grpc", session=1)
    monkeypatch.setattr(live_module, "REORDER_S", 0.0)
    assert live.put(frame(7), "grpc", session=1)


def test_c4_over_mqtt_a_huge_sequence_number_holds_for_no_longer_than_frames_are_reordered(monkeypatch):
    live = LiveFrames([FACE], AggregatorMetrics(CollectorRegistry()))
    assert live.put(frame(MAX_SEQ), "mqtt")
    assert not live.put(frame(8), "mqtt")
    monkeypatch.setattr(live_module, "REORDER_S", 0.0)
    assert live.put(frame(9), "mqtt")
    assert not live.put(frame(9), "mqtt")  # twice the same


def test_c4_a_frame_of_the_cache_never_replaces_a_newer_one_of_the_same_boot(monkeypatch):
    monkeypatch.setattr(live_module, "REORDER_S", 0.0)
    live = LiveFrames([FACE], AggregatorMetrics(CollectorRegistry()))
    assert live.put(frame(9), "grpc", session=1)
    assert not live.put_relayed(replace(frame(8), age=Age(0.0)), session=1)
