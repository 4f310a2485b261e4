"""Recordings by HLS: playlists, segments, links."""

import io
import json
import re

import av
import pytest
from tests.davy_aggregator.conftest import make_settings, running
from tests.davy_aggregator.outputs.test_hls import output_of
from tests.davy_aggregator.recording.test_recordings import fill_ring, recording_site, until_answer
from tests.davy_aggregator.rest.test_recordings import with_recording
from tests.davy_aggregator.rest.test_screen import bearer
from tests.fixtures.recorded_video import START_NS

from davy.access.roles import Role

pytestmark = pytest.mark.system

CAMERA = "/v1/cameras/north.face"
MINUTE = f"{CAMERA}/recording/2026-01-01T00:00:00Z/2026-01-01T00:01:00Z"
S = 1_000_000_000


def values(text: str, tag: str) -> list[str]:
    return re.findall(rf"^#EXT-X-{tag}:?(.*)$", text, re.M)


def named(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


async def test_ffprobe_plays_a_recording_over_a_gap_and_a_change_of_size(tmp_path):
    """25 s, a gap of 15 s, 8 s of another run in another size."""
    fill_ring(tmp_path / "recordings", 250)
    fill_ring(tmp_path / "recordings", 80, start_ns=START_NS + 40 * S, boot_id="boot-2", size=(320, 240))
    async with running(make_settings(tmp_path), recording_site(mode="off")) as aggregator:
        await until_answer(aggregator, 2)
        text = (await aggregator.get(f"{MINUTE}/index.m3u8")).text
        show = ("-show_entries", "packet=pts_time", "-of", "json")
        probed = await output_of("ffprobe", "-v", "error", *show, f"{aggregator.http}{MINUTE}/index.m3u8")
    assert len(values(text, "MAP")) == 2
    assert len(values(text, "DISCONTINUITY")) == 1
    assert values(text, "PROGRAM-DATE-TIME") == [f"2026-01-01T00:00:{second:02}.000+00:00" for second in (0, 10, 20, 40)]
    assert [round(float(each), 1) for each in re.findall(r"EXTINF:([0-9.]+)", text)] == [10, 10, 5, 8]
    times = [round(float(packet["pts_time"]) - START_NS / S, 1) for packet in json.loads(probed)["packets"]]
    assert times == [number / 10 for number in (*range(250), *range(400, 480))]


async def test_a_segment_decodes_with_its_initialisation_and_counts_from_1970(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        text = (await aggregator.get(f"{MINUTE}/index.m3u8")).text
        (init,) = values(text, "MAP")
        head = await aggregator.get(f"{MINUTE}/{init.split(chr(34))[1]}")
        second = await aggregator.get(f"{MINUTE}/{named(text)[1]}")
        other = await aggregator.get(f"{CAMERA}/recording/2026-01-01T00:00:30Z/2026-01-01T00:01:00Z/{named(text)[2]}")
        nothing = await aggregator.get(f"{CAMERA}/recording/2026-01-01T01:00:00Z/2026-01-01T02:00:00Z/index.m3u8")
    assert second.headers["Content-Type"] == "video/mp4"
    assert (other.status_code, nothing.status_code) == (404, 404)  # a segment outside of the range is no part of it
    with av.open(io.BytesIO(head.content + second.content)) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 100
    assert frames[0].time == pytest.approx(START_NS / S + 10)


async def test_a_part_begins_at_its_first_second_and_ends_with_its_last_segment(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        path = f"{CAMERA}/recording/2026-01-01T00:00:13Z/2026-01-01T00:00:15Z/index.m3u8"
        text = (await aggregator.get(path)).text
    assert len(named(text)) == 1
    assert values(text, "START") == ["TIME-OFFSET=3.000,PRECISE=YES"]


async def test_a_damaged_segment_is_a_gap_and_is_set_aside_when_it_is_asked_for(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        sorted((tmp_path / "recordings").rglob("*.mp4"))[1].write_bytes(b"damaged")
        text = (await aggregator.get(f"{MINUTE}/index.m3u8")).text
        asked = await aggregator.get(f"{MINUTE}/{named(text)[1]}")
        after = (await aggregator.get(f"{MINUTE}/index.m3u8")).text
    assert text.index(named(text)[0]) < text.index("#EXT-X-GAP") < text.index(named(text)[1])
    assert len(values(text, "GAP")) == 1
    assert asked.status_code == 404
    assert (len(values(after, "GAP")), len(values(after, "DISCONTINUITY"))) == (0, 1)


async def test_a_link_opens_its_range_alone_until_it_expires(tmp_path):
    async with with_recording(tmp_path, access="open") as aggregator:
        pass  # makes the index
    async with running(make_settings(tmp_path, access="closed"), recording_site(mode="off")) as aggregator:
        operator = bearer(tmp_path, Role.OPERATOR)
        span = {"start_at": "2026-01-01T01:00:00+01:00", "end_at": "2026-01-01T00:01:00Z"}
        made = await aggregator.client.post(f"{CAMERA}/links", json={"output": "recording"} | span, headers=operator)
        without = await aggregator.client.post(f"{CAMERA}/links", json={"output": "recording"}, headers=operator)
        url = made.json()["url"]
        assert url.startswith(f"{aggregator.http}{MINUTE}/index.m3u8?token=")
        token = url.partition("?token=")[2]
        text = (await aggregator.client.get(url)).text
        part = await aggregator.get(f"{MINUTE}/{named(text)[0]}")
        with_token = await aggregator.get(f"{MINUTE}/{named(text)[0].partition('?')[0]}", params={"token": token})
        wider = await aggregator.get(f"{CAMERA}/recording/2026-01-01T00:00:00Z/2026-01-01T00:02:00Z/index.m3u8?token={token}")
        anonymous = await aggregator.get(f"{MINUTE}/index.m3u8")
    assert without.status_code == 422
    assert (part.status_code, with_token.status_code) == (200, 200)  # the playlist hands its token on
    assert (wider.status_code, anonymous.status_code) == (401, 401)
