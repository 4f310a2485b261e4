"""Several aggregators on one PostgreSQL: one leads, each of them accepts decisions."""

import asyncio
import time
from contextlib import asynccontextmanager
from functools import partial

import pytest
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import PICTURE, make_settings, make_site, running, until, with_rules
from tests.davy_aggregator.recording.test_recordings import push_video
from tests.fixtures.fan_outs import RedisServer
from tests.fixtures.postgres import running_postgres
from tests.fixtures.recorded_video import packets

from davy.adapters.mqtt.bus import connect
from davy.adapters.storage.alarm_store import AlarmStore
from davy.adapters.storage.event_store import EventStore
from davy.adapters.storage.opening import open_database
from davy.domain.alarm_targets import AlarmsConfig
from davy.domain.alarms import AlarmPoint
from davy.domain.event import EventQuery
from davy.domain.topics import EdgeTopics
from davy.twin.protocol import epoch_in
from davy.v1 import edge_pb2, edge_pb2_grpc, ingest_pb2
from davy_aggregator.alarms.metrics import AlarmMetrics
from davy_aggregator.alarms.rules import RuleBook
from davy_aggregator.alarms.service import AlarmService
from davy_aggregator.archive import Archive
from davy_aggregator.edge_tasks import EdgeTasks
from davy_aggregator.metrics import AggregatorMetrics
from davy_aggregator.replicas.replica import opened_replica

pytestmark = pytest.mark.system
NORTH = EdgeTopics("mine", "north")


@pytest.fixture(scope="module")
def postgres():
    with running_postgres() as server:
        yield server


def leads(aggregator) -> bool:
    return aggregator.registry.get_sample_value("davy_aggregator_leads") == 1


async def put(aggregator, fps: int):
    config = {"enhance": "here", "cameras": {"face": {"source": "simulator://face", "fps": fps}}}
    return await aggregator.client.put("/v1/edges/north/config", json={"config": config})


@asynccontextmanager
async def two(postgres, tmp_path, site):
    """A leader and a standby."""
    url = postgres.database()
    async with running(make_settings(tmp_path / "a", name="first", database=url), site) as first:
        await until(lambda: leads(first))
        async with running(make_settings(tmp_path / "b", name="second", database=url), site) as second:
            yield first, second


async def test_a_standby_is_ready_and_has_the_leader_decide(postgres, mosquitto, tmp_path):
    epochs = []
    async with (
        two(postgres, tmp_path, make_site(mosquitto.endpoint)) as (first, second),
        connect(mosquitto.endpoint, "edge") as edge,
    ):

        async def listen() -> None:
            async for message in edge.subscribe([NORTH.desired_config], qos=1):
                epochs.append(epoch_in(message.payload))  # noqa: PERF401  # read while it grows

        listening = asyncio.create_task(listen())
        await until(lambda: not leads(second))
        for fps in range(1, 7):
            answer = await put(second if fps % 2 else first, fps)
            assert answer.status_code == 200
            assert answer.json()["desired"]["epoch"] == fps
        assert leads(first)
        assert not leads(second)
        await until(lambda: len(set(epochs)) == 6)
        assert epochs == sorted(epochs)
        for each in (first, second):
            await until(partial(has_epochs, each, [6, 5, 4, 3, 2, 1, 0]))
        stale = {"config": {"enhance": "here", "cameras": {"face": {"source": "simulator://face", "fps": 7}}}}
        wrong = await second.client.put("/v1/edges/north/config", json=stale, headers={"If-Match": f'"{"0" * 64}"'})
        assert wrong.status_code == 412
        listening.cancel()


async def test_an_alarm_of_one_replica_is_answered_on_the_other(postgres, tmp_path):
    site = with_rules(make_site(), {"gas-high": {"on_delay_s": 0}})
    async with two(postgres, tmp_path, site) as (first, second):
        assert len(await report(second, 1, kind="gas-high")) == 1
        alarm = "gas-high:north.face"
        await until(partial(has_state, first, alarm, "unacknowledged"))
        await until(partial(has_state, second, alarm, "unacknowledged"))
        answer = await second.client.post(f"/v1/alarms/{alarm}/acknowledge", json={"words": "on my way"})
        assert answer.status_code == 200, answer.text
        assert answer.json()["state"] == "normal"  # it was an event, which has no end
        assert [await has_state(each, alarm, "normal") for each in (first, second)] == [True, True]
        rules = (await second.get("/v1/alarm-rules")).json()["rules"] | {"shelve_max_s": 1234}
        assert (await second.client.put("/v1/alarm-rules", json={"rules": rules, "why": "test"})).status_code == 200
        assert (await first.get("/v1/alarm-rules")).json()["rules"]["shelve_max_s"] == 1234
        unknown = await second.client.post("/v1/alarms/lens-blocked:north.face/acknowledge", json={})
        assert unknown.status_code == 404
        assert "there is no alarm" in unknown.json()["detail"]


async def test_a_condition_found_by_a_standby_becomes_one_alarm_with_one_event(postgres, tmp_path):
    url, point = postgres.database(), AlarmPoint("person-in-zone", "north.face", "belt")
    async with alarm_service(url, tmp_path / "a", "a") as leader, alarm_service(url, tmp_path / "b", "b") as standby:
        assert (leader.leads, standby.leads) == (True, False)
        for _ in range(3):
            await standby.report(point, True, "somebody is there", picture=PICTURE, over="nobody is there")
            await leader.report(point, True, "somebody is there", picture=PICTURE, over="nobody is there")
        assert [each.occurrence for each in standby.all()] == [1]
        assert standby.get(point.id).event
        kinds = [each.kind for each in await leader.archive.query(EventQuery(limit=10))]
        assert kinds == ["person-in-zone"]


async def has_epochs(aggregator, epochs):
    history = (await aggregator.get("/v1/edges/north/config/history")).json()["history"]
    return [each["epoch"] for each in history] == epochs


async def has_state(aggregator, alarm, state):
    return (await aggregator.get(f"/v1/alarms/{alarm}")).json().get("state") == state


async def report(aggregator, seq, **changes):
    event = {"site": "mine", "edge": "north", "boot_id": "b1", "seq": seq, "camera": "face", "severity": 3, "message": "high"}
    found = ingest_pb2.Event(**event | {"occurred_ns": time.time_ns()} | changes)
    return [ack async for ack in aggregator.ingest.ReportEvents(iter([ingest_pb2.ReportEventsRequest(event=found)]))]


@asynccontextmanager
async def alarm_service(url, folder, name):
    """An alarm service of a replica, with the archive of its database."""
    database = await asyncio.to_thread(open_database, folder, url)
    registry, changes = CollectorRegistry(), asyncio.Event()
    async with opened_replica(make_settings(folder, database=url), database, "mine", name) as replica:
        archive = Archive(EventStore(database), "mine", AggregatorMetrics(registry), EventStore(replica.fenced("archive")))
        store = AlarmStore(replica.fenced("alarm"), archive.store)
        service = AlarmService("mine", archive, store, RuleBook(AlarmsConfig(), store), AlarmMetrics(registry))
        service.archive = archive

        def changed(_leads, _error):
            changes.set()

        async with connect("mqtt://127.0.0.1:9", name) as bus, asyncio.TaskGroup() as tasks:
            components = replica.components(bus, {"alarm": service}, {}, EdgeTasks(), changed)
            running = [tasks.create_task(start()) for start in components.values()]
            await changes.wait()
            await asyncio.sleep(0.5)
            yield service
            for task in running:
                task.cancel()
        await archive.close()
    database.close()


async def test_a_standby_takes_over_with_the_next_epoch_when_the_leader_ends(postgres, mosquitto, tmp_path):
    url, site = postgres.database(), make_site(mosquitto.endpoint)
    async with running(make_settings(tmp_path / "b", name="second", database=url), site) as second:
        await until(lambda: leads(second))
        assert (await put(second, 1)).status_code == 200
        async with running(make_settings(tmp_path / "a", name="first", database=url), site) as first:
            assert (await put(first, 2)).status_code == 200
            assert not leads(first)
        assert (await put(second, 3)).json()["desired"]["epoch"] == 3


async def test_an_edge_of_one_replica_is_asked_on_the_other(postgres, tmp_path):
    async with two(postgres, tmp_path, make_site()) as (first, second):
        hello = edge_pb2.AttachEdgeRequest(hello=edge_pb2.EdgeHello(site="mine", edge="north"))
        call = edge_pb2_grpc.EdgeServiceStub(second.channel).AttachEdge()
        await call.write(hello)
        await call.read()
        asking = asyncio.create_task(first.client.post("/v1/edges/north/camera-search", json={"host": "10.0.0.5"}))
        task = (await asyncio.wait_for(call.read(), 5)).task
        assert task.search_cameras.host == "10.0.0.5"
        await call.write(edge_pb2.AttachEdgeRequest(result=edge_pb2.EdgeResult(id=task.id, error="no such host")))
        answer = await asking
        assert (answer.status_code, answer.json()["detail"]) == (503, "edge north cannot do this now: no such host")
        call.cancel()


async def test_events_of_one_replica_are_told_by_the_other(postgres, tmp_path):
    async with two(postgres, tmp_path, make_site()) as (first, second):
        following = asyncio.create_task(first_event(first))
        await asyncio.sleep(0.5)  # the stream begins with what comes after it
        await report(second, 1, kind="motion")
        assert "motion" in await asyncio.wait_for(following, 5)
        assert await kinds_of(first) == await kinds_of(second)


async def first_event(aggregator):
    async with aggregator.client.stream("GET", "/v1/events/stream", timeout=10) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data:"):
                return line
    return ""


async def kinds_of(aggregator):
    return [(each["id"], each["kind"]) for each in (await aggregator.get("/v1/events")).json()["events"]]


async def test_video_is_recorded_where_the_edge_sends_it_and_nowhere_else(postgres, tmp_path):
    redis = RedisServer()
    camera = {"source": "mine://face", "record": {"mode": "continuous", "days": 0}}
    site = make_site(store=redis.endpoint, north={"cameras": {"face": camera}})
    folders = [tmp_path / name / "recordings" for name in ("a", "b")]
    try:
        async with two(postgres, tmp_path, site) as (first, second):
            await until(lambda: second.registry.get_sample_value("davy_aggregator_replicas") == 1)
            await push_video(first, list(packets(60)), 0.05)
            assert list(folders[0].rglob("*.part")) or list(folders[0].rglob("*.mp4"))
            assert not [path for path in folders[1].rglob("*") if path.is_file()]
    finally:
        redis.kill()
