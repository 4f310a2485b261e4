import asyncio
import json

import pytest
from tests.aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, push, running, until

from davy.v1 import ingest_pb2


async def report(aggregator, *events):
    wires = [
        ingest_pb2.Event(site="mine", edge="north", boot_id="b1", seq=seq, occurred_ns=seq * 10**9, **fields)
        for seq, fields in enumerate(events, 1)
    ]
    return [ack async for ack in aggregator.ingest.Report(iter(wires))]


async def test_cameras_tell_what_they_are_worth(aggregator):
    await push(aggregator, envelope(1))
    cameras = {camera["id"]: camera for camera in (await aggregator.get("/v1/cameras")).json()["cameras"]}
    face, belt = cameras["north.face"], cameras["north.belt"]
    assert (face["state"], face["label"], face["seq"], face["width"]) == ("live", "Coal face", 1, 320)
    assert face["age_ms"] < 500
    assert (belt["state"], belt["age_ms"], belt["label"]) == ("waiting", None, "belt")
    assert (await aggregator.get("/v1/cameras/north.face")).json()["id"] == "north.face"


async def test_a_camera_that_falls_silent_is_stale_and_then_offline(tmp_path):
    async with running(make_settings(tmp_path, stale_after_s=0.2, offline_after_s=0.5), make_site()) as aggregator:
        await push(aggregator, envelope(1))

        async def state():
            return (await aggregator.get("/v1/cameras/north.face")).json()["state"]

        assert await state() == "live"
        await asyncio.sleep(0.25)
        assert await state() == "stale"
        picture = await aggregator.get("/v1/cameras/north.face/latest.jpg")
        assert picture.headers["X-Davy-Stale"] == "true"
        await asyncio.sleep(0.3)
        assert await state() == "offline"


async def test_the_latest_picture_is_passed_on_as_it_came(aggregator):
    await push(aggregator, envelope(7))
    enhanced = await aggregator.get("/v1/cameras/north.face/latest.jpg")
    raw = await aggregator.get("/v1/cameras/north.face/latest.jpg?variant=raw")
    assert (enhanced.content, raw.content) == (PICTURE, RAW)
    assert enhanced.headers["content-type"] == "image/jpeg"
    assert enhanced.headers["Age"] == "0"
    assert int(enhanced.headers["X-Davy-Age-Ms"]) < 500
    assert "X-Davy-Stale" not in enhanced.headers
    again = await aggregator.get("/v1/cameras/north.face/latest.jpg", headers={"If-None-Match": enhanced.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    await push(aggregator, envelope(8))
    newer = await aggregator.get("/v1/cameras/north.face/latest.jpg", headers={"If-None-Match": enhanced.headers["ETag"]})
    assert newer.status_code == 200


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
async def test_a_wrong_request_is_a_problem_that_says_why(aggregator, path, status, text):
    answer = await aggregator.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert text in answer.json()["detail"]


async def test_the_live_stream_is_multipart_jpeg(aggregator):
    await push(aggregator, envelope(1))
    async with aggregator.client.stream("GET", "/v1/cameras/north.face/live.mjpeg") as answer:
        assert answer.headers["content-type"] == "multipart/x-mixed-replace; boundary=davy-frame"
        body = b""
        async for chunk in answer.aiter_bytes():
            body += chunk
            if body.count(b"--davy-frame") == 1 and PICTURE in body:
                await push(aggregator, envelope(2))
            if b"X-Davy-Seq: 2" in body:
                break
    labels = {"via": "mjpeg"}
    await until(lambda: aggregator.registry.get_sample_value("davy_aggregator_subscribers", labels) == 0)


async def test_live_streams_are_bounded(tmp_path):
    async with running(make_settings(tmp_path, max_streams=1), make_site()) as aggregator:
        await push(aggregator, envelope(1))
        async with aggregator.client.stream("GET", "/v1/cameras/north.face/live.mjpeg") as first:
            await anext(first.aiter_bytes())
            second = await aggregator.get("/v1/cameras/north.face/live.mjpeg")
        assert second.status_code == 503
        assert "streams is full" in second.json()["detail"]


async def test_events_come_in_pages_newest_first(aggregator):
    kinds = [{"kind": "person", "severity": 1}] * 4 + [{"kind": "lens-blocked", "severity": 3, "camera": "face"}]
    await report(aggregator, *kinds)
    first = (await aggregator.get("/v1/events?limit=3")).json()
    second = (await aggregator.get(f"/v1/events?limit=3&cursor={first['cursor']}")).json()
    assert [event["seq"] for event in first["events"] + second["events"]] == [5, 4, 3, 2, 1]
    assert second["cursor"] is None
    alarms = (await aggregator.get("/v1/events?severity=warning")).json()["events"]
    assert [(event["kind"], event["severity"], event["camera"]) for event in alarms] == [
        ("lens-blocked", "alarm", "north.face")
    ]
    early = (
        await aggregator.get("/v1/events", params={"since": "1970-01-01T00:00:02Z", "until": "1970-01-01T00:00:04Z"})
    ).json()
    assert [event["seq"] for event in early["events"]] == [3, 2]


async def test_an_events_picture_is_kept(aggregator):
    await report(aggregator, {"kind": "person", "keyframe_jpeg": PICTURE})
    (event,) = (await aggregator.get("/v1/events")).json()["events"]
    assert (await aggregator.get(event["keyframe"])).content == PICTURE


async def read_events(aggregator, count, **headers):
    found = []
    async with aggregator.client.stream("GET", "/v1/events/stream", headers=headers, timeout=5) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: "))["seq"])
            if len(found) == count:
                return found
    return found


async def test_the_event_stream_goes_on_where_it_broke_off(aggregator):
    live = asyncio.create_task(read_events(aggregator, 2))
    await until(lambda: aggregator.registry.get_sample_value("davy_aggregator_subscribers", {"via": "sse"}))
    await asyncio.sleep(0.1)
    await report(aggregator, {"kind": "person"}, {"kind": "person"}, {"kind": "person"})
    assert await live == [1, 2]
    assert await read_events(aggregator, 2, **{"Last-Event-ID": "1"}) == [2, 3]


async def test_without_broker_and_store_it_is_degraded_and_says_why(aggregator):
    answer = await until(lambda: aggregator.get("/readyz"))
    assert answer.status_code == 200
    found = answer.json()
    reasons = {each["name"]: each["reason"] for each in found["dependencies"]}
    assert found["status"] == "degraded"
    assert "no MQTT broker at mqtt://127.0.0.1:9" in reasons["broker"]
    assert "no Redis-protocol server at redis://127.0.0.1:9" in reasons["store"]
    assert reasons["archive"] == ""
    assert (await aggregator.get("/healthz")).json() == {"status": "ok"}


async def test_the_site_and_its_edges_in_one_look(aggregator):
    await push(aggregator, envelope(1))
    site = (await aggregator.get("/v1/site")).json()
    assert (site["site"], site["edges"], site["cameras"], site["live"]) == ("mine", 2, 3, 1)
    edges = (await aggregator.get("/v1/edges")).json()["edges"]
    assert [(edge["edge"], edge["status"], edge["cameras"]) for edge in edges] == [
        ("north", "unknown", ["north.face", "north.belt"]),
        ("thin", "unknown", ["thin.cam"]),
    ]


async def test_metrics_follow_prometheus(aggregator):
    await push(aggregator, envelope(1))
    text = (await aggregator.get("/metrics")).text
    assert 'davy_aggregator_frames_received_total{camera="face",edge="north",via="grpc"} 1.0' in text


async def test_every_route_is_in_the_schema_with_its_errors(aggregator):
    schema = (await aggregator.get("/openapi.json")).json()
    paths = schema["paths"]
    assert {"/v1/cameras", "/v1/cameras/{camera_id}/latest.jpg", "/v1/events", "/v1/edges", "/v1/site", "/readyz"} <= set(paths)
    latest = paths["/v1/cameras/{camera_id}/latest.jpg"]["get"]["responses"]
    assert {"200", "304", "404", "503"} <= set(latest)
    assert "application/problem+json" in latest["404"]["content"]
    assert schema["components"]["schemas"]["Camera"]["properties"]["id"]["examples"] == ["north.face"]


async def test_the_page_loads_nothing_from_another_host(aggregator):
    page = await aggregator.get("/")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
    for name in ("console.js", "stream.js", "tile.js", "events.js", "console.css", "lamp.svg"):
        asset = await aggregator.get(f"/static/{name}")
        assert asset.status_code == 200
        assert "http" not in asset.text.replace("http://www.w3.org/2000/svg", "").replace("https:", "")
