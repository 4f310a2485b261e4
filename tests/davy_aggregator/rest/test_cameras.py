import time
from types import SimpleNamespace

import pytest
from tests.davy_aggregator.conftest import PICTURE, RAW, envelope, make_settings, make_site, push, running, until

pytestmark = pytest.mark.system


async def test_cameras_report_their_state_and_figures(aggregator):
    await push(aggregator, envelope(1))
    cameras = {camera["id"]: camera for camera in (await aggregator.get("/v1/cameras")).json()["cameras"]}
    face, belt = cameras["north.face"], cameras["north.belt"]
    assert (face["state"], face["label"], face["seq"], face["width"]) == ("live", "Coal face", 1, 320)
    assert face["age_ms"] < 500
    assert (belt["state"], belt["age_ms"], belt["label"]) == ("waiting", None, "belt")
    assert (await aggregator.get("/v1/cameras/north.face")).json()["id"] == "north.face"
    assert cameras["north.face"]["address"] == "mine/north/face"


async def test_cameras_come_in_pages_by_id(aggregator):
    first = (await aggregator.get("/v1/cameras?limit=2")).json()
    assert [each["id"] for each in first["cameras"]] == ["north.belt", "north.face"]
    second = (await aggregator.get(f"/v1/cameras?limit=2&cursor={first['cursor']}")).json()
    assert ([each["id"] for each in second["cameras"]], second["cursor"]) == (["thin.cam"], None)
    assert (await aggregator.get("/v1/cameras")).json()["cursor"] is None
    assert (await aggregator.get("/v1/cameras?limit=0")).status_code == 422


async def test_a_camera_that_falls_silent_is_stale_and_then_offline(tmp_path, monkeypatch):
    async with running(make_settings(tmp_path, stale_after_s=20, offline_after_s=40), make_site()) as aggregator:

        async def state():
            return (await aggregator.get("/v1/cameras/north.face")).json()["state"]

        await push(aggregator, envelope(1))
        assert await state() == "live"
        monkeypatch.setattr("davy.domain.age.time", SimpleNamespace(monotonic=lambda: time.monotonic() + 25))
        assert await state() == "stale"
        picture = await aggregator.get("/v1/cameras/north.face/latest.jpg")
        assert picture.headers["X-Davy-Stale"] == "true"
        monkeypatch.setattr("davy.domain.age.time", SimpleNamespace(monotonic=lambda: time.monotonic() + 45))
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
