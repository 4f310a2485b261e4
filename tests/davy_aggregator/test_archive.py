import asyncio
from contextlib import aclosing

import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import until

from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.opening import open_database
from davy.domain.errors import ArchiveUnavailableError
from davy.domain.event import EventQuery
from davy_aggregator.archive import REPORTER, Archive
from davy_aggregator.bus import publish_events
from davy_aggregator.metrics import AggregatorMetrics

pytestmark = pytest.mark.system


def execute(archive, sql: str) -> int | None:
    """Run SQL on the database's one connection; limits of SQLite belong to a connection."""
    with archive.store.database.read() as connection:
        cursor = connection.connection.cursor()
        connection.rollback()
        row = cursor.execute(sql).fetchone()
        return row and row[0]


@pytest.fixture
async def archive(tmp_path):
    database = open_database(tmp_path)
    found = Archive(EventStore(database), "mine", AggregatorMetrics(CollectorRegistry()))
    yield found
    await found.close()
    database.close()


async def test_findings_of_the_aggregator_have_number_and_kind(archive):
    for kind in ("motion", "person"):
        await archive.report(kind, "something", 1, camera="north.face", figures={"share": 0.5})
    newest, first = await archive.query(EventQuery())
    assert (first.edge, first.seq, newest.seq, newest.kind) == (REPORTER, 1, 2, "person")
    assert first.boot_id == newest.boot_id


async def test_a_follower_gets_every_event_once_however_slow_it_is(archive):
    async with aclosing(archive.follow(after=0)) as events:
        for n in range(250):
            await archive.report("motion", str(n), 1)
        assert [(await anext(events)).message for _ in range(250)] == [str(n) for n in range(250)]
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await archive.report("motion", "new", 1)
        assert (await waiting).message == "new"


async def test_a_full_disk_is_an_error_until_there_is_room(archive):
    pages = execute(archive, "PRAGMA page_count")
    execute(archive, f"PRAGMA max_page_count={pages + 4}")
    with pytest.raises(ArchiveUnavailableError, match="full"):
        await archive.report("person", "a picture too many", 1, jpeg=bytes(200_000))
    assert "full" in archive.error
    assert await archive.query(EventQuery()) == []
    execute(archive, "PRAGMA max_page_count=1000000")
    await archive.report("person", "there is room", 1, jpeg=bytes(200_000))
    assert archive.error == ""


async def test_a_broken_archive_does_not_end_the_publisher(archive):
    class Heard:
        """A bus that keeps what is published."""

        connected, messages = True, ()

        async def publish(self, message):
            self.messages = (*self.messages, message)

    bus = Heard()
    publishing = asyncio.create_task(publish_events(bus, "mine", archive))
    await asyncio.sleep(0.05)
    execute(archive, "ALTER TABLE event RENAME TO gone")
    with pytest.raises(ArchiveUnavailableError):
        await archive.report("motion", "lost", 1)
    execute(archive, "ALTER TABLE gone RENAME TO event")
    await archive.report("motion", "kept", 1)
    await until(lambda: len(bus.messages) == 2)
    assert [each.topic for each in bus.messages[:2]] == ["davy/v1/mine/aggregator/event", "davy/v1/mine/aggregator/event/json"]
    assert not publishing.done()
    publishing.cancel()
