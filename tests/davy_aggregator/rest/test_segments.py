"""Recorded segments as they are stored."""

import hashlib

import pytest
from tests.davy_aggregator.rest.test_recordings import with_recording

pytestmark = pytest.mark.system

SEGMENTS = "/v1/cameras/north.face/segments"
MINUTE = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:01:00Z"}


async def test_every_segment_is_listed_once_and_comes_as_it_is_stored(tmp_path):
    async with with_recording(tmp_path) as aggregator:
        whole = (await aggregator.get(SEGMENTS, params=MINUTE)).json()
        first = (await aggregator.get(SEGMENTS, params=MINUTE | {"limit": 2})).json()
        rest = (await aggregator.get(SEGMENTS, params=MINUTE | {"from": first["segments"][-1]["start_at"]})).json()
        files = [(await aggregator.get(each["href"])).content for each in whole["segments"]]
        gone = await aggregator.get(f"{SEGMENTS}/1767225600000000000-{'0' * 64}")
    assert [each["model"] for each in whole["segments"]] == ["first"] * 3
    assert (whole["more"], first["more"]) == (False, True)
    assert [*first["segments"], *rest["segments"][1:]] == whole["segments"]
    for each, data in zip(whole["segments"], files, strict=True):
        assert each["path"].endswith(f"_{hashlib.sha256(data).hexdigest()}.mp4")
        assert each["bytes"] == len(data)
    assert gone.status_code == 404
