"""A damaged file of an edge is set aside at the start with an event; the edge starts, and its cameras go on."""

import pytest
from tests.fixtures.cameras import picture
from tests.fixtures.edges import ear, edge, site_of, until

from davy.adapters.media import jpeg
from davy.v1 import ingest_pb2

FILES = ["spool.db", "samples.db", "config/active.json", "models/active.json", "drift/face.json"]
DAMAGES = {"noise": bytes(range(256)) * 40, "empty": b"", "half of JSON": b'{"epoch": 1, "state":', "other JSON": b"[[[]]]"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_file_is_no_reason_not_to_start(tmp_path, name, damage):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.jpg").write_bytes(jpeg.encode(picture(30), 95))
    file = tmp_path / "data/demo/north" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(DAMAGES[damage])
    site = site_of(f"file://{tmp_path}/pictures", max_age_ms=30_000)
    async with edge(site, tmp_path / "data") as now:
        await until(lambda: now.value("davy_frames_enhanced_total", camera="face") >= 1, 20)


@pytest.mark.parametrize("name", ["spool.db", "config/active.json"])
async def test_it_is_reported(mosquitto, tmp_path, name):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "0.jpg").write_bytes(jpeg.encode(picture(30), 95))
    file = tmp_path / "data/demo/north" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(DAMAGES["noise"])
    async with (
        ear(mosquitto.endpoint) as heard,
        edge(site_of(f"file://{tmp_path}/pictures", mosquitto.endpoint), tmp_path / "data"),
    ):
        await until(lambda: any(_kind(message) == "file-set-aside" for message in heard), 20)


def _kind(message) -> str:
    return ingest_pb2.Event.FromString(message.payload).kind if message.topic.endswith("/event") else ""
