import time

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from davy.streams.camera_metrics import CameraMetrics
from davy.streams.site_totals import SiteTotals, camera_registry

BOUNDS = (0.1, 1.0)


def site(cameras=1000):
    """The metrics of a site whose edges have five cameras each."""
    registry = CollectorRegistry()
    found = CameraMetrics(registry, "davy_lamp")
    received, ages = found.counter("received", "Frames.", ("via",)), found.histogram("age_seconds", "Age.", BOUNDS, ("stage",))
    dropped = found.counter("dropped", "Frames.", ("stage", "reason"))
    for number in range(cameras):
        edge, camera = f"edge-{number // 5}", f"cam-{number % 5}"
        received.labels(edge, camera, "grpc").inc(2)
        for stage in ("received", "console", "grpc"):
            ages.labels(edge, camera, stage).observe(0.05)
            dropped.labels(edge, camera, stage, "superseded").inc()
    return registry, found


def text(registry):
    return generate_latest(registry).decode()


def test_totals_sum_over_the_cameras():
    registry, _ = site(cameras=10)
    assert registry.get_sample_value("davy_lamp_received_total", {"via": "grpc"}) == 20
    assert registry.get_sample_value("davy_lamp_age_seconds_bucket", {"stage": "console", "le": "0.1"}) == 10
    assert registry.get_sample_value("davy_lamp_age_seconds_count", {"stage": "console"}) == 10


def test_a_value_on_a_bound_is_in_its_bucket_and_one_above_all_in_the_last():
    registry = CollectorRegistry()
    ages = CameraMetrics(registry, "davy_lamp").histogram("age_seconds", "Age.", BOUNDS)
    for value in (0.1, 0.11, 7.0):
        ages.labels("north", "face").observe(value)
    buckets = {le: registry.get_sample_value("davy_lamp_age_seconds_bucket", {"le": le}) for le in ("0.1", "1.0", "+Inf")}
    assert buckets == {"0.1": 1, "1.0": 2, "+Inf": 3}


def test_a_thousand_cameras_stay_within_the_budget_of_a_scrape():
    registry, _ = site()
    totals = SiteTotals(registry)
    best_s = min(_timed(lambda: text(totals)) for _ in range(5))
    assert len(text(totals)) < 5_000
    assert best_s < 0.02


def test_single_cameras_come_by_pattern():
    registry, found = site(cameras=10)
    shown = text(camera_registry(registry, found, ["edge-1/*"]))
    assert shown.count("davy_lamp_camera_received_total{") == 5
    assert 'edge="edge-0"' not in shown
    assert text(camera_registry(registry, found, ["edge-?/cam-0"])).count("davy_lamp_camera_received_total{") == 2


def test_other_families_with_cameras_are_summed_and_renamed_for_single_cameras():
    registry = CollectorRegistry()
    sent = Counter("davy_sent_total", "Sent.", ("edge", "camera", "sink"), registry=registry)
    Gauge("davy_open", "Open.", registry=registry).set(3)
    sent.labels("north", "face", "mqtt").inc()
    sent.labels("south", "face", "mqtt").inc(4)
    assert 'davy_sent_total{sink="mqtt"} 5.0' in text(SiteTotals(registry))
    assert "davy_open 3.0" in text(SiteTotals(registry))
    single = text(camera_registry(registry, None, ["south/*"]))
    assert 'davy_camera_sent_total{camera="face",edge="south",sink="mqtt"} 4.0' in single
    assert "north" not in single
    assert "davy_open" not in single


def test_a_sum_does_not_fall_when_a_camera_is_forgotten():
    registry = CollectorRegistry()
    sent = Counter("davy_sent_total", "Sent.", ("edge", "camera"), registry=registry)
    totals = SiteTotals(registry)
    sent.labels("north", "face").inc(5)
    sent.labels("north", "belt").inc(2)
    assert "davy_sent_total 7.0" in text(totals)
    sent.remove("north", "face")
    assert "davy_sent_total 7.0" in text(totals)
    sent.labels("north", "belt").inc()
    assert "davy_sent_total 8.0" in text(totals)


def _timed(work):
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s
