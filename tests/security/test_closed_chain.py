"""A closed aggregator, an edge with its token, and a viewer with another: pictures arrive; without tokens nothing does."""

import pytest
from tests.davy_aggregator.conftest import make_settings, running, until
from tests.fixtures.cameras import picture
from tests.fixtures.edges import edge, site_of

from davy.access.roles import Role
from davy.adapters.media import jpeg
from davy_cli.directory import open_directory


@pytest.fixture
def camera_url(tmp_path):
    """A folder of pictures as a camera."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(jpeg.encode(picture(30 + 10 * number), 95))
    return f"file://{folder}"


@pytest.mark.system
async def test_an_edge_is_live_by_its_token_alone(tmp_path, monkeypatch, camera_url):
    monkeypatch.delenv("DAVY_TOKEN", raising=False)
    async with running(make_settings(tmp_path / "aggregator", access="closed"), site_of(camera_url)) as aggregator:
        with open_directory(tmp_path / "aggregator", "") as directory:
            _, own = directory.add_token("north", Role.EDGE, "north", 1, "test")
            _, viewer = directory.add_token("viewer", Role.VIEWER, "", 1, "test")
        site = site_of(camera_url, aggregator=f"grpc://127.0.0.1:{aggregator.grpc_port}")

        async def is_live() -> bool:
            found = await aggregator.get("/v1/cameras/north.face", headers={"Authorization": f"Bearer {viewer}"})
            return bool(found.json()["state"] == "live")

        async with edge(site, tmp_path / "edge-without") as without:
            await until(lambda: without.value("davy_frames_enhanced_total", camera="face") > 5, 20)
            assert not await is_live()
        monkeypatch.setenv("DAVY_TOKEN", own)
        async with edge(site, tmp_path / "edge"):
            await until(is_live, 20)
        assert (await aggregator.get("/v1/cameras/north.face")).status_code == 401
