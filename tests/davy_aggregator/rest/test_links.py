"""Links for players over REST."""

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.outputs.test_rtsp import edge_bearer
from tests.davy_aggregator.outputs.test_webrtc import SDP, pushing, viewer, viewers
from tests.davy_aggregator.rest.test_screen import bearer

from davy.access.roles import Role
from davy.adapters.access.links import Link, LinkSigner

pytestmark = pytest.mark.system

CAMERA = "/v1/cameras/north.face"


async def test_a_link_opens_its_camera_and_output_alone(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        operator = bearer(tmp_path, Role.OPERATOR)
        made = await aggregator.client.post(f"{CAMERA}/links", json={"output": "whep", "minutes": 5}, headers=operator)
        assert made.status_code == 201
        url = made.json()["url"]
        assert url.startswith(f"{aggregator.http}{CAMERA}/whep?token=")
        token = url.partition("token=")[2]
        edge = {"authorization": edge_bearer(tmp_path)}
        async with pushing(aggregator, metadata=edge), viewer(aggregator, url) as (_, answer):
            assert answer.status_code == 201
            location = answer.headers["Location"]
            assert (await aggregator.client.delete(location.partition("?")[0])).status_code == 401
            assert (await aggregator.client.delete(location)).status_code == 200
        for path in (f"{CAMERA}/live.m3u8", f"{CAMERA}/latest.jpg", "/v1/cameras", "/v1/cameras/north.belt/live.m3u8"):
            assert (await aggregator.get(f"{path}?token={token}")).status_code == 401, path
        expired = LinkSigner.of_file(tmp_path / "keys" / "links.key").sign(Link.of_minutes("north.face", "whep", -1))
        refused = await aggregator.client.post(f"{CAMERA}/whep?token={expired}", content="v=0", headers=SDP)
        assert refused.status_code == 401


async def test_a_viewer_makes_no_links_and_minutes_are_bounded(tmp_path):
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        viewing, operator = bearer(tmp_path, Role.VIEWER), bearer(tmp_path, Role.OPERATOR)
        wanted = {"output": "hls"}
        assert (await aggregator.client.post(f"{CAMERA}/links", json=wanted, headers=viewing)).status_code == 403
        for minutes in (0, -1, 100_000):
            answer = await aggregator.client.post(f"{CAMERA}/links", json=wanted | {"minutes": minutes}, headers=operator)
            assert answer.status_code == 422
        unknown = await aggregator.client.post("/v1/cameras/north.none/links", json=wanted, headers=operator)
        assert unknown.status_code == 404


async def test_a_session_ends_when_its_viewer_loses_the_permission(tmp_path, monkeypatch):
    from davy_aggregator.outputs import webrtc

    monkeypatch.setattr(webrtc, "RECHECK_S", 0.3)
    async with running(make_settings(tmp_path, access="closed"), make_site()) as aggregator:
        token = LinkSigner.of_file(tmp_path / "keys" / "links.key").sign(Link.of_minutes("north.face", "whep", 0.05))
        edge = {"authorization": edge_bearer(tmp_path)}
        async with pushing(aggregator, metadata=edge), viewer(aggregator, f"{CAMERA}/whep?token={token}") as (_, answer):
            assert answer.status_code == 201
            assert viewers(aggregator) == 1
            await until(lambda: viewers(aggregator) == 0, 10)
