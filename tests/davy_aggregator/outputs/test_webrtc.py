"""WebRTC viewers, by aiortc as the viewer."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.fixtures.video import VideoSource, age_ms, push_video

pytestmark = pytest.mark.system

WHEP = "/v1/cameras/north.face/whep"
SDP = {"Content-Type": "application/sdp"}


@asynccontextmanager
async def pushing(aggregator, source: VideoSource | None = None, metadata: dict[str, str] | None = None):
    task = asyncio.create_task(push_video(aggregator, source or VideoSource(), metadata))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def viewer(aggregator, path: str = WHEP, **options):
    """A viewer: its connection, its track and the answer to its offer."""
    connection = RTCPeerConnection(RTCConfiguration([]))
    try:
        transceiver = connection.addTransceiver("video", direction="recvonly")
        await connection.setLocalDescription(await connection.createOffer())
        offer = connection.localDescription.sdp

        async def ask():
            answer = await aggregator.client.post(path, content=offer, headers=SDP, **options)
            return answer if answer.status_code != 503 else None

        answer = await until(ask)  # the edge's stream has just begun
        if answer.status_code == 201:
            await connection.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        yield transceiver.receiver.track, answer
    finally:
        await connection.close()


def viewers(aggregator) -> float:
    return aggregator.registry.get_sample_value("davy_aggregator_subscribers", {"via": "webrtc"}) or 0.0


async def picture(track):
    async with asyncio.timeout(10):
        frame = await track.recv()
    return frame.to_ndarray(format="gray")


async def test_a_viewer_sees_what_the_camera_sends_and_leaves_no_trace(aggregator):
    async with pushing(aggregator), viewer(aggregator) as (track, answer):
        assert answer.status_code == 201
        assert answer.headers["Location"].startswith(f"{WHEP}/")
        ages = [age_ms(await picture(track)) for _ in range(8)]
        assert min(ages) < 2000
        timing = (await aggregator.get(answer.headers["Location"])).json()
        assert 0 <= timing["age_ms"] < 2000
        assert viewers(aggregator) == 1
        assert (await aggregator.client.delete(answer.headers["Location"])).status_code == 200
        await until(lambda: viewers(aggregator) == 0)
        assert (await aggregator.client.delete(answer.headers["Location"])).status_code == 404


async def test_a_viewer_that_goes_away_is_forgotten(aggregator):
    async with pushing(aggregator):
        async with viewer(aggregator) as (track, _):
            await picture(track)
        await until(lambda: viewers(aggregator) == 0, 10)


async def test_an_offer_of_something_else_is_refused(aggregator):
    async with pushing(aggregator):
        async with viewer(aggregator) as (track, _):
            await picture(track)  # the edge is there
        wrong = await aggregator.client.post(WHEP, content="v=0", headers={"Content-Type": "text/plain"})
        assert wrong.status_code == 415
        for offer in (
            b"",
            b"hello",
            b"v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n",
            b"v=0\r\nm=video 9 x 1\r\n",
            b"\xff\xfe",
            b"v" * 70_000,
        ):
            answer = await aggregator.client.post(WHEP, content=offer, headers=SDP)
            assert answer.status_code == 422, offer[:40]
        await until(lambda: viewers(aggregator) == 0)


async def test_a_camera_without_video_has_no_session(aggregator):
    answer = await aggregator.client.post(WHEP, content="v=0", headers=SDP)
    assert answer.status_code == 503
    assert "no enhanced video of north.face" in answer.json()["detail"]


async def test_viewers_are_bounded(tmp_path):
    settings = make_settings(tmp_path, max_streams_per_caller=1)
    async with running(settings, make_site()) as aggregator, pushing(aggregator), viewer(aggregator) as (track, _):
        await picture(track)
        second = await aggregator.client.post(WHEP, content="v=0", headers=SDP)
        assert second.status_code == 503
