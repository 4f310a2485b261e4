"""Drift from a camera's light to REST, Prometheus and the archive: a real edge, broker and aggregator."""

import json

import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.cameras import mjpeg_server
from tests.fixtures.edges import edge, site_of
from tests.fixtures.scenes import scene

from davy.adapters.media import jpeg
from davy.domain.ports import Message
from davy_aggregator.drift import DriftCollector, DriftReading
from davy_aggregator.live import LiveFrames
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.presence import PresenceTracker

pytestmark = pytest.mark.system

FAST = {"look_every_s": 0.05, "drift_reference_s": 0.6, "drift_window_s": 0.3, "stats_every_s": 0.2}


async def test_drift_rises_with_a_change_of_lamps_and_ends_with_it(mosquitto, free_port, tmp_path):
    pictures = {gain: jpeg.encode(scene(1, gain)) for gain in (0.5, 1.0)}
    gain = 1.0
    with mjpeg_server(lambda _: pictures[gain]) as camera:
        site = site_of(camera, mosquitto.endpoint, f"grpc://127.0.0.1:{free_port}")
        settings = make_settings(tmp_path / "aggregator", grpc_port=free_port)
        async with running(settings, site) as aggregator, edge(site, tmp_path / "edge", **FAST) as north:

            async def state() -> str:
                (reading,) = (await aggregator.get("/v1/drift")).json()["cameras"]
                return reading["state"]

            async def recorded(kind: str) -> list[dict]:
                return (await aggregator.get(f"/v1/events?kind={kind}")).json()["events"]

            await until(lambda: _is(state, "fits"), 15)
            gain = 0.5
            await until(lambda: _is(state, "drifted"), 10)
            (reading,) = (await aggregator.get("/v1/drift")).json()["cameras"]
            assert (reading["camera"], reading["model"][:7]) == ("north.face", "ispcnn-")
            assert reading["score"] == max(reading["reasons"].values()) >= 0.6
            assert aggregator.registry.get_sample_value("davy_drift_cameras", {"state": "drifted"}) == 1
            assert 'davy_drift{camera="face",edge="north"}' in (await aggregator.get("/metrics/cameras?camera=north/*")).text
            assert north.value("davy_edge_drift", camera="face") >= 0.6
            (event,) = await until(lambda: recorded("drift"))
            assert (event["severity"], event["camera"], "differs from the reference" in event["message"]) == (
                "warning",
                "north.face",
                True,
            )
            gain = 1.0
            assert await until(lambda: recorded("drift-over"), 10)


async def test_a_camera_of_which_nothing_is_known_is_unknown(aggregator):
    readings = {each["camera"]: each["state"] for each in (await aggregator.get("/v1/drift")).json()["cameras"]}
    assert readings == {"north.face": "unknown", "north.belt": "unknown", "thin.cam": "unknown"}
    assert aggregator.registry.get_sample_value("davy_drift_cameras", {"state": "unknown"}) == 3


def test_a_report_of_another_version_is_no_error():
    site = make_site()
    tracker = PresenceTracker("mine")
    board = DriftCollector(LiveFrames(site.camera_ids(), AggregatorMetrics(CollectorRegistry()), False), tracker)
    for answer in ({"state": "molten"}, {"score": "NaN"}, [], 7, {"reasons": {"a": None}}):
        payload = json.dumps({"cameras": {"face": {"drift": answer}}}).encode()
        tracker.apply(Message("davy/v1/mine/north/stats", payload))
        assert board.read(site.camera_ids()[0]) == DriftReading()


async def _is(state, wanted: str) -> bool:
    return await state() == wanted
