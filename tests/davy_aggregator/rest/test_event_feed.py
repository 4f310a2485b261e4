import asyncio
import json
from contextlib import aclosing

import pytest
from prometheus_client import CollectorRegistry

from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.opening import open_database
from davy_aggregator.archive import Archive
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.rest import event_feed
from davy_aggregator.rest.event_feed import EventFeed


@pytest.fixture
async def archive(tmp_path):
    database = open_database(tmp_path)
    found = Archive(EventStore(database, 10**9, 0), "mine", AggregatorMetrics(CollectorRegistry()))
    yield found
    await found.close()
    database.close()


async def record(archive, count, first=0):
    for number in range(first, first + count):
        await archive.report("lamp", f"lamp {number}", 1)


async def read(feed, count, after=None, ready=None):
    found = []
    async with aclosing(feed.follow(after)) as batches:
        if ready is not None:
            ready.set()
        async for batch in batches:
            found += batch
            if len(found) >= count:
                return found
    return found


async def test_all_followers_get_the_same_encoded_events(archive):
    feed = EventFeed(archive)
    after = await archive.last_id()
    tasks = [asyncio.create_task(read(feed, 5, after)) for _ in range(3)]
    await record(archive, 5)
    async with asyncio.timeout(5):
        one, other, third = await asyncio.gather(*tasks)
    assert [each.record.message for each in one] == [f"lamp {number}" for number in range(5)]
    assert all(mine is theirs for mine, theirs in zip(one, other, strict=True))
    assert [each.record.id for each in third] == [each.record.id for each in one]
    assert json.loads(one[0].json)["message"] == "lamp 0"
    assert json.loads(one[0].message) == {"type": "event", "event": json.loads(one[0].json)}
    assert one[0].sse == f"id: {one[0].record.id}\r\nevent: event\r\ndata: {one[0].json}\r\n\r\n".encode()


async def test_a_follower_behind_the_kept_events_misses_none(archive, monkeypatch):
    monkeypatch.setattr(event_feed, "KEPT", 4)
    feed, after = EventFeed(archive), await archive.last_id()
    quick = asyncio.create_task(read(feed, 20, after))
    async with asyncio.timeout(5):
        await record(archive, 20)
        await quick
        late = await read(feed, 20, after)
    assert [each.record.message for each in late] == [f"lamp {number}" for number in range(20)]


async def test_a_follower_that_leaves_while_it_reads_for_all_stops_nobody(archive):
    feed, after = EventFeed(archive), await archive.last_id()
    first, second = (asyncio.create_task(read(feed, 3, after)) for _ in range(2))
    await asyncio.sleep(0)
    await record(archive, 1)
    first.cancel()
    await record(archive, 2, first=1)
    async with asyncio.timeout(5):
        found = await second
    assert [each.record.message for each in found] == ["lamp 0", "lamp 1", "lamp 2"]
