"""An edge's samples against an aggregator that is killed with kill -9 while they arrive."""

import asyncio
from contextlib import suppress

import pytest
from prometheus_client import CollectorRegistry
from tests.conftest import pick_port
from tests.davy_aggregator.samples.test_rpc import sample
from tests.davy_aggregator.test_cli import start
from tests.fixtures.edges import until

from davy.adapters.grpc import ingest_client
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.sample_spool import SampleSpool
from davy.adapters.storage.sample_store import SampleStore
from davy.domain.sample import SampleQuery
from davy_edge.observation.samples import Samples

TOTAL = 24


@pytest.mark.system
@pytest.mark.slow  # 20 s; events over kill -9 stay
async def test_f04_kill_9_loses_no_sample_and_stores_none_twice(tmp_path):
    spool, registry, port = SampleSpool(tmp_path / "samples.db", "b1", 2**22), CollectorRegistry(), pick_port()
    for number in range(TOTAL):
        spool.add(sample(0, number))
    samples = Samples("north", spool, 10**6, 300, registry)
    process = start(tmp_path, "--port", "0", "--grpc-port", str(port))
    try:
        async with ingest_client.connect(f"grpc://127.0.0.1:{port}") as client:
            pushing = asyncio.create_task(samples.push(client))
            await until(lambda: spool.waiting <= TOTAL // 2, 30)
            process.kill()
            process.communicate()
            assert 0 < spool.waiting <= TOTAL // 2
            process = start(tmp_path, "--port", "0", "--grpc-port", str(port))
            await until(lambda: spool.waiting == 0, 30)
            pushing.cancel()
            with suppress(asyncio.CancelledError):
                await pushing
    finally:
        process.kill()
        process.communicate()
        spool.close()
    database = open_database(tmp_path / "data")
    names = sorted(record.seq for record in SampleStore(database, 10**9, 1000).query(SampleQuery()))
    database.close()
    assert names == list(range(1, TOTAL + 1))
