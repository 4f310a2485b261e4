"""PostgreSQL restarted and the object storage away, under load: nothing is lost, and /readyz says it."""

import asyncio
import os
import signal
import time
from contextlib import asynccontextmanager, suppress

import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until
from tests.davy_aggregator.recording.test_recordings import push_video, recorded, recording_site
from tests.fixtures.object_store import running_object_store
from tests.fixtures.postgres import running_postgres
from tests.fixtures.recorded_video import packets

from davy.adapters.grpc import ingest_client
from davy.adapters.storage import object_files
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.object_files import ObjectFiles
from davy.adapters.storage.opening import open_database
from davy.domain.errors import DavyError
from davy.domain.event import EventQuery
from davy.v1 import ingest_pb2
from davy_aggregator.recording import service

pytestmark = pytest.mark.system
SPOOLS = 4


def event(edge: str, seq: int) -> ingest_pb2.Event:
    words = {"kind": "motion", "message": "something moves", "severity": 1, "occurred_ns": time.time_ns()}
    return ingest_pb2.Event(site="mine", edge=edge, camera="cam", boot_id="b1", seq=seq, **words)


async def report(port: int, edge: str, ended: asyncio.Event) -> int:
    """Report events as a spool does, in order, and again from the last one that was acknowledged; return its number."""
    acknowledged = 0
    while not ended.is_set():
        with suppress(DavyError):
            async with ingest_client.connect(f"grpc://127.0.0.1:{port}") as client, client.report() as stream:
                while not ended.is_set():
                    for seq in range(acknowledged + 1, acknowledged + 21):
                        await stream.send(event(edge, seq))
                    last = acknowledged + 20
                    while acknowledged < last:
                        acknowledged = max(acknowledged, (await stream.answer(5.0)).seq)
        await asyncio.sleep(0.05)
    return acknowledged


async def dependency(aggregator, name: str) -> str:
    """What /readyz says of a dependency; empty if it is well."""
    found = (await aggregator.get("/readyz")).json()["dependencies"]
    return next((str(each["reason"]) for each in found if each["name"] == name and not each["ok"]), "")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("restarts", "away_s"), [(2, 0.3), pytest.param(20, 3.0, marks=pytest.mark.slow)])
async def test_postgresql_restarted_under_load_loses_and_doubles_no_event(tmp_path, restarts, away_s):
    edges = {f"edge-{number}": {"cameras": {"cam": {"source": "mine://face"}}} for number in range(SPOOLS)}
    with running_postgres() as server:
        url, ended = server.database(), asyncio.Event()
        async with running(make_settings(tmp_path, database=url), make_site(**edges)) as aggregator:
            spools = [asyncio.create_task(report(aggregator.grpc_port, edge, ended)) for edge in edges]
            for _ in range(restarts):
                await asyncio.sleep(away_s)
                server.stop()
                await until(lambda: dependency_fails(aggregator, "archive"), 10)
                await asyncio.sleep(away_s)
                await asyncio.to_thread(server.start)
                await until(lambda: dependency_is_well(aggregator, "archive"), 20)
            ended.set()
            acknowledged = await asyncio.gather(*spools)
        database = open_database(tmp_path / "empty", url)
        for edge, last in zip(edges, acknowledged, strict=True):
            seqs = [found.seq for found in EventStore(database).query(EventQuery(edge=edge, after=0, limit=1_000_000))]
            assert seqs[:last] == list(range(1, last + 1)), edge
            assert len(set(seqs)) == len(seqs)
            assert last > 20
        database.close()


async def dependency_fails(aggregator, name: str) -> bool:
    return bool(await dependency(aggregator, name))


async def dependency_is_well(aggregator, name: str) -> bool:
    return not await dependency(aggregator, name)


@asynccontextmanager
async def frozen(process: int):
    """A process that answers nobody, as a machine behind a cut cable."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("away_s", [0.5, pytest.param(60.0, marks=pytest.mark.slow)])
async def test_recordings_wait_for_an_object_storage_that_is_away_and_go_there_once_it_is_back(tmp_path, monkeypatch, away_s):
    monkeypatch.setattr(object_files, "ANSWER_S", 0.5)
    monkeypatch.setattr(service, "SEND_AGAIN_S", 0.2)
    given = list(packets(330))
    with running_object_store() as server:
        bucket = server.bucket()
        settings = make_settings(tmp_path, recordings=f"{bucket}/recordings")
        files = ObjectFiles(f"{bucket}/recordings")
        async with running(settings, recording_site(mode="continuous")) as aggregator:
            async with frozen(server.process):
                for start in range(0, 330, 10):
                    await push_video(aggregator, given[start : start + 10])
                await until(lambda: dependency_fails(aggregator, "recordings"), 60)
                await asyncio.sleep(away_s)
                assert len(recorded(tmp_path)) >= 3
            await until(lambda: dependency_is_well(aggregator, "recordings"), 60)
            await until(
                lambda: asyncio.to_thread(lambda: len(files.names("mine/north/face/enhanced/20260101", ".mp4")) >= 3), 30
            )
            assert len(recorded(tmp_path)) == 0
