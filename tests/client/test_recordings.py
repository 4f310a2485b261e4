"""Recorded segments by the client."""

from datetime import UTC, datetime

import pytest
from tests.davy_aggregator.rest.test_recordings import with_recording

from davy.client import Client
from davy.domain.errors import UnreadableError

pytestmark = pytest.mark.system

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 0, 1, tzinfo=UTC)


async def test_segments_come_in_order_and_a_changed_file_is_refused(tmp_path):
    async with with_recording(tmp_path) as aggregator, Client(aggregator.http, token="") as davy:
        found = [segment async for segment in davy.recordings.segments("north.face", START, END)]
        assert [segment.start_at.second for segment in found] == [0, 10, 20]
        stored = tmp_path / "recordings" / found[0].path
        assert await davy.recordings.file(found[0]) == stored.read_bytes()
        stored.write_bytes(b"changed")
        with pytest.raises(UnreadableError):
            await davy.recordings.file(found[0])
