"""Recordings over REST: index, video, pictures, clips, exports."""

import asyncio
import io
import json
import zipfile
from contextlib import asynccontextmanager

import av
import pytest
from tests.davy_aggregator.conftest import make_settings, running
from tests.davy_aggregator.recording.test_recordings import fill_ring, recording_site, until_answer
from tests.fixtures.recorded_video import START_NS
from typer.testing import CliRunner

from davy_cli import recordings as command

pytestmark = pytest.mark.system

FACE = "/v1/cameras/north.face"


def at(seconds: float) -> str:
    return f"2026-01-01T00:00:{seconds:06.3f}Z"


@asynccontextmanager
async def with_recording(tmp_path, count: int = 250, **settings):
    """An aggregator with 25 s of video."""
    fill_ring(tmp_path / "recordings", count)
    async with running(make_settings(tmp_path, **settings), recording_site(mode="off")) as aggregator:
        await until_answer(aggregator, 1)
        yield aggregator


def span(start: float, end: float) -> dict[str, str]:
    return {"from": at(start), "to": at(end)}


async def test_the_index_is_spans_of_time(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        answer = await aggregator.get("/v1/recordings", params=span(0, 59) | {"camera": "north.face"})
        none = await aggregator.get("/v1/recordings", params=span(40, 59))
        wrong = await aggregator.get("/v1/recordings", params=span(40, 39))
    spans = [{"start_at": "2026-01-01T00:00:00Z", "end_at": "2026-01-01T00:00:25Z"}]
    assert answer.json() == {"recordings": [{"camera": "north.face", "variant": "enhanced", "spans": spans}]}
    assert none.json() == {"recordings": []}
    assert wrong.status_code == 422


async def test_a_range_plays_and_can_be_sought_in(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        answer = await aggregator.get(f"{FACE}/recording.mp4", params=span(8, 15))
        part = await aggregator.get(f"{FACE}/recording.mp4", params=span(8, 15), headers={"Range": "bytes=0-99"})
        same = {"If-None-Match": answer.headers["ETag"]}
        unchanged = await aggregator.get(f"{FACE}/recording.mp4", params=span(8, 15), headers=same)
        nothing = await aggregator.get(f"{FACE}/recording.mp4", params=span(30, 40))
    with av.open(io.BytesIO(answer.content)) as container:
        assert [frame.time for frame in container.decode(video=0)][::10] == pytest.approx(range(7), abs=0.01)
    assert (part.status_code, part.content, part.headers["ETag"]) == (206, answer.content[:100], answer.headers["ETag"])
    assert (unchanged.status_code, nothing.status_code) == (304, 404)
    assert not list((tmp_path / "recordings" / ".incoming").iterdir())


async def test_a_long_range_is_streamed(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        params = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T12:00:00Z"}
        answer = await aggregator.get(f"{FACE}/recording.mp4", params=params)
    assert "Content-Length" not in answer.headers
    with av.open(io.BytesIO(answer.content)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 250


async def test_a_picture_of_a_time(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        exact = await aggregator.get(f"{FACE}/recording.jpg", params={"at": at(12.35), "width": 80})
        quick = await aggregator.get(f"{FACE}/recording.jpg", params={"at": at(12.35), "exact": False})
        nothing = await aggregator.get(f"{FACE}/recording.jpg", params={"at": at(40)})
    captured = [(int(each.headers["X-Davy-Captured-Ns"]) - START_NS) / 1e9 for each in (exact, quick)]
    assert captured == pytest.approx([12.3, 12.0], abs=0.001)
    assert nothing.status_code == 404


async def test_a_damaged_segment_is_set_aside_with_an_event_and_the_rest_plays(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        second = sorted((tmp_path / "recordings").rglob("*.mp4"))[1]
        second.write_bytes(b"damaged")
        answer = await aggregator.get(f"{FACE}/recording.mp4", params=span(0, 25))
        (camera,) = await until_answer(aggregator, 2)
        for _ in range(200):  # the event is stored after the answer
            if events := (await aggregator.get("/v1/events", params={"kind": "recording-damaged"})).json()["events"]:
                break
            await asyncio.sleep(0.05)
    assert answer.status_code == 200
    assert len(camera["spans"]) == 2
    assert "1767225610000000000" in events[0]["message"]
    assert second.with_name(second.name + ".damaged").is_file()


async def test_a_held_clip_survives_deletion_until_it_is_released(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        new = {"camera": "north.face", "name": "fall", "reason": "roof", "start_at": at(11), "end_at": at(12)}
        made = await aggregator.client.post("/v1/clips", json=new)
        clip = f"/v1/clips/{made.json()['id']}"
        first = await aggregator.client.delete(f"{FACE}/recording", params=span(0, 59))
        released = await aggregator.client.put(f"{clip}/hold", json={"held": False, "reason": "inquiry is over"})
        second = await aggregator.client.delete(f"{FACE}/recording", params=span(0, 59))
        listed = (await aggregator.get("/v1/clips")).json()["clips"]
        gone = [await aggregator.client.delete(clip), await aggregator.get(clip)]
        journal = (await aggregator.get("/v1/journal")).json()["entries"]
    assert made.status_code == 201
    assert first.json() == {"segments": 2, "held": 1}
    assert released.json()["released_by"]
    assert second.json() == {"segments": 1, "held": 0}
    assert [each["name"] for each in listed] == ["fall"]
    assert [answer.status_code for answer in gone] == [204, 404]
    operations = [row["operation"] for row in journal]
    assert {"POST /v1/clips", "PUT /v1/clips/{clip_id}/hold", "DELETE /v1/clips/{clip_id}"} <= set(operations)
    assert not list((tmp_path / "recordings").rglob("*.mp4"))


async def test_an_export_verifies_and_says_who_and_why(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        wanted = {"cameras": ["north.face"], "start_at": at(8), "end_at": at(15), "reason": "roof fall", "pictures_every_s": 2}
        answer = await aggregator.client.post("/v1/recordings/export", json=wanted)
    file = tmp_path / "export.zip"
    file.write_bytes(answer.content)
    run = CliRunner().invoke(command.app, ["verify", str(file), "--data", str(tmp_path)])
    assert run.exit_code == 0, run.output
    assert "roof fall" in run.output
    assert "first at strength 1" in run.output
    with zipfile.ZipFile(file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        with av.open(io.BytesIO(archive.read("north.face-enhanced.mp4"))) as container:
            assert sum(1 for _ in container.decode(video=0)) == 70
    assert len(manifest["files"]) == 5
    assert [each["first_seq"] for each in manifest["segments"]] == [1, 101]
    data = answer.content
    file.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    run = CliRunner().invoke(command.app, ["verify", str(file), "--data", str(tmp_path)])
    assert run.exit_code == 1
    assert "not intact" in run.output
