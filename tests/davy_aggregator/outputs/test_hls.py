"""Live HLS, played by ffprobe."""

import asyncio
import json
import re

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.outputs.test_webrtc import pushing
from tests.fixtures.video import VideoSource

from davy_aggregator.outputs import hls

LIVE = "/v1/cameras/north.face/live.m3u8"


async def output_of(*command: str, timeout_s: float = 30) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        async with asyncio.timeout(timeout_s):
            text, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, text.decode()
    return text.decode()


async def probed(url: str, *options: str) -> dict:
    """What ffprobe finds in the first 4 s of a stream."""
    entries = "stream=codec_name,width,height,nb_read_packets"
    command = ["ffprobe", "-v", "error", *options, "-count_packets", "-read_intervals", "%+4", "-show_entries", entries]
    (stream,) = json.loads(await output_of(*command, "-of", "json", url))["streams"]
    return stream


@pytest.mark.system
async def test_ffprobe_plays_a_camera_and_the_edge_sends_nothing_afterwards(aggregator, monkeypatch):
    monkeypatch.setattr(hls, "IDLE_S", 4.0)
    source = VideoSource(fps=20)
    async with pushing(aggregator, source):
        await until(lambda: is_sent(aggregator))
        found = await probed(f"{aggregator.http}{LIVE}")
        assert (found["codec_name"], found["width"], found["height"]) == ("h264", 640, 360)
        assert int(found["nb_read_packets"]) >= 30
        text = (await aggregator.get(LIVE)).text
        name = re.findall("hls/.*m4s", text)[-1]
        assert (await aggregator.get(f"/v1/cameras/north.face/{name}")).status_code == 200
        assert source.wanted
        await until(lambda: not source.wanted, 10)
        assert (await aggregator.get(f"/v1/cameras/north.face/{name}")).status_code == 404


async def is_sent(aggregator) -> bool:
    """Whether the edge's stream is up: its camera takes a viewer."""
    answer = await aggregator.client.post(
        "/v1/cameras/north.face/whep", content="", headers={"Content-Type": "application/sdp"}
    )
    return answer.status_code == 422


async def test_without_packets_there_is_no_playlist(tmp_path, monkeypatch):
    monkeypatch.setattr(hls, "FIRST_SEGMENT_S", 0.2)
    async with running(make_settings(tmp_path), make_site()) as aggregator:
        answer = await aggregator.get(LIVE)
        assert answer.status_code == 503
        assert (await aggregator.get("/v1/cameras/north.face/hls/abc-1.m4s")).status_code == 404
        assert (await aggregator.get("/v1/cameras/north.nowhere/live.m3u8")).status_code == 404
