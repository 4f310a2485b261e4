"""Clips, video and exports by the client."""

import io
from datetime import UTC, datetime

import av
import pytest
from tests.davy_aggregator.rest.test_recordings import with_recording

from davy.client import Client, Clip
from davy.domain.errors import NotFoundError

pytestmark = pytest.mark.system


def at(second: int) -> datetime:
    return datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)


async def test_a_part_is_kept_played_exported_and_released(tmp_path):
    async with with_recording(tmp_path) as aggregator, Client(aggregator.http, token="") as davy:
        clip = await davy.clips.make("north.face", at(3), at(6), "the roof", "it moved")
        assert (clip.camera, clip.start_at, clip.end_at, clip.held) == ("north.face", at(3), at(6), True)
        assert await davy.clips.all("north.face") == [clip] and await davy.clips.all("north.belt") == []
        video = b"".join([part async for part in davy.clips.video("north.face", at(3), at(6))])
        with av.open(io.BytesIO(video)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 30
        assert (await davy.clips.export(["north.face"], at(3), at(6), "the inspector asked")).startswith(b"PK")
        assert not (await davy.clips.hold(clip.id, "closed", held=False)).held
        await davy.clips.delete(clip.id)
        assert await davy.clips.all() == []
        with pytest.raises(NotFoundError):
            _ = [part async for part in davy.clips.video("north.face", at(40), at(50))]


async def test_the_client_knows_every_field_of_a_clip(tmp_path):
    async with with_recording(tmp_path, count=30) as aggregator:
        schemas = (await aggregator.get("/openapi.json")).json()["components"]["schemas"]
    assert set(Clip.model_fields) == set(schemas["Clip"]["properties"])
