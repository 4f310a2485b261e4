import asyncio
import json

import pytest
from tests.davy_aggregator.conftest import PICTURE, until

from davy.v1 import ingest_pb2

pytestmark = pytest.mark.system


async def report(aggregator, *events):
    wires = [
        ingest_pb2.Event(site="mine", edge="north", boot_id="b1", seq=seq, occurred_ns=seq * 10**9, **fields)
        for seq, fields in enumerate(events, 1)
    ]
    return [ack async for ack in aggregator.ingest.ReportEvents(ingest_pb2.ReportEventsRequest(event=each) for each in wires)]


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


@pytest.mark.parametrize("camera", ["mine/north/face", "north/face", "north.face"])
async def test_events_of_a_camera_are_found_by_every_form_of_its_address(aggregator, camera):
    await report(aggregator, {"kind": "person", "camera": "face"}, {"kind": "person", "camera": "belt"})
    found = (await aggregator.get("/v1/events", params={"camera": camera})).json()["events"]
    assert [event["camera"] for event in found] == ["north.face"]


@pytest.mark.parametrize("path", ["/v1/events?camera=other/north/face", "/v1/samples?camera=other/north/face"])
async def test_a_camera_of_another_site_is_named_as_such(aggregator, path):
    answer = await aggregator.get(path)
    assert answer.status_code == 404
    assert "serves site 'mine', and the cameras are of site 'other'" in answer.json()["detail"]


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


async def test_the_event_stream_resumes_after_a_break(aggregator):
    live = asyncio.create_task(read_events(aggregator, 2))
    await until(lambda: aggregator.registry.get_sample_value("davy_aggregator_subscribers", {"via": "sse"}))
    await asyncio.sleep(0.1)
    await report(aggregator, {"kind": "person"}, {"kind": "person"}, {"kind": "person"})
    assert await live == [1, 2]
    assert await read_events(aggregator, 2, **{"Last-Event-ID": "1"}) == [2, 3]
