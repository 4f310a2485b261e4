import pytest
from tests.davy_aggregator.conftest import envelope, push

pytestmark = pytest.mark.system


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/v1/cameras/nope/latest.jpg", 404, "known cameras: north.face, north.belt, thin.cam"),
        ("/v1/cameras/..%2F..%2Fetc/latest.jpg", 404, "nothing is at"),
        ("/v1/cameras/north.FACE", 404, "known cameras"),
        ("/v1/cameras/north.face/latest.jpg", 503, "has no enhanced frame yet"),
        ("/v1/cameras/north.face/live.mjpeg", 503, "has no enhanced frame yet"),
        ("/v1/cameras/north.face/latest.jpg?variant=infrared", 422, "variant"),
        ("/v1/events?severity=loud", 422, "severity"),
        ("/v1/events?limit=0", 422, "limit"),
        ("/v1/events?cursor=x", 422, "cursor"),
        ("/v1/events?since=yesterday", 422, "since"),
        ("/v1/events/5/keyframe.jpg", 404, "no keyframe"),
        ("/v1/events/99999999999999999999/keyframe.jpg", 422, "event_id"),
        ("/v1/nothing", 404, "nothing is at"),
    ],
)
async def test_an_invalid_request_is_a_problem_with_a_reason(aggregator, path, status, text):
    answer = await aggregator.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert text in answer.json()["detail"]


async def test_metrics_follow_prometheus(aggregator):
    await push(aggregator, envelope(1))
    text = (await aggregator.get("/metrics")).text
    assert 'davy_aggregator_frames_received_total{via="grpc"} 1.0' in text


async def test_metrics_of_single_cameras_come_on_request(aggregator):
    await push(aggregator, envelope(1))
    line = 'davy_aggregator_camera_frames_received_total{camera="face",edge="north",via="grpc"} 1.0'
    assert line not in (await aggregator.get("/metrics")).text
    assert line in (await aggregator.get("/metrics/cameras?camera=north/*")).text
    assert line in (await aggregator.get("/metrics/cameras?camera=south/x&camera=north/face")).text
    assert "north" not in (await aggregator.get("/metrics/cameras?camera=south/*")).text
    assert (await aggregator.get("/metrics/cameras")).status_code == 422


async def test_every_route_is_in_the_schema_with_its_errors(aggregator):
    schema = (await aggregator.get("/openapi.json")).json()
    paths = schema["paths"]
    assert {"/v1/cameras", "/v1/cameras/{camera_id}/latest.jpg", "/v1/events", "/v1/edges", "/v1/site", "/readyz"} <= set(paths)
    latest = paths["/v1/cameras/{camera_id}/latest.jpg"]["get"]["responses"]
    assert {"200", "304", "404", "503"} <= set(latest)
    assert all(set(latest[status]["content"]) == {"application/problem+json"} for status in ("404", "422", "503"))
    assert schema["components"]["schemas"]["Camera"]["properties"]["id"]["examples"] == ["north.face"]


async def test_the_page_loads_nothing_from_another_host(aggregator):
    for path in ("/", "/docs"):
        page = await aggregator.get(path)
        assert "default-src 'self'" in page.headers["Content-Security-Policy"]
        assert "http" not in page.text
    for name in (
        "static/console.js",
        "static/stream.js",
        "static/console.css",
        "web/lamp.svg",
        "web/docs.js",
        "web/docs.css",
        "web/words.js",
    ):
        asset = await aggregator.get(f"/{name}")
        assert asset.status_code == 200
        assert "http" not in asset.text.replace("http://www.w3.org/2000/svg", "").replace("https:", "")
