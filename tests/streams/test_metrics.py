from prometheus_client import CollectorRegistry

from davy.domain.drops import DropPoint, DropReason
from davy.streams.accounting import FrameAccounting
from davy.streams.metrics import FrameCollector, FrameTimings, labels_of_edge, percentile

FACE = {"edge": "north", "camera": "face"}


def test_a_scrape_shows_sums_that_hold():
    registry, accounting = CollectorRegistry(), FrameAccounting(["face"], sinks=(DropPoint.MQTT,))
    registry.register(FrameCollector(labels_of_edge("north"), accounting))
    for _ in range(3):
        accounting.capture("face")
    accounting.enhance("face")
    accounting.drop("face", DropPoint.CAPTURE, DropReason.SUPERSEDED)
    accounting.send("face", DropPoint.MQTT)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, FACE | labels)

    assert value("davy_frames_captured_total") == 3
    assert value("davy_frames_enhanced_total") == 1
    assert value("davy_frames_dropped_total", stage="capture", reason="superseded") == 1
    assert value("davy_frames_in_flight") == 1
    assert value("davy_frames_sent_total", sink="mqtt") == 1
    assert value("davy_frames_pending", sink="mqtt") == 0
    assert value("davy_frames_pending", sink="grpc") is None


def test_a_forgotten_camera_leaves_no_series():
    registry = CollectorRegistry()
    timings = FrameTimings(labels_of_edge("north"), registry)
    timings.age("face", DropPoint.MQTT, 0.1)
    timings.work("face", DropPoint.ENHANCE, 0.02)
    assert timings.recent_ages("face", DropPoint.MQTT, 60) == [0.1]
    timings.forget("face")
    assert timings.recent_ages("face", DropPoint.MQTT, 60) == []
    assert registry.get_sample_value("davy_frame_age_seconds_count", FACE | {"stage": "mqtt"}) is None


def test_a_percentile_of_nothing_is_0():
    assert [percentile([], 0.5), percentile([1, 2, 3], 0.5), percentile([1, 2, 3], 0.99)] == [0, 2, 3]
