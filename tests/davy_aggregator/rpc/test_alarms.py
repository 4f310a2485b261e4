import asyncio
import json

import grpc
import pytest
from tests.davy_aggregator.conftest import make_settings, make_site, running, until, with_rules
from tests.davy_aggregator.rest.test_alarms import SPOOL, raised
from tests.davy_aggregator.rest.test_events import report
from typer.testing import CliRunner

from davy.adapters.mqtt.bus import connect
from davy.domain.topics import AlarmTopics
from davy.v1 import alarm_pb2, alarm_pb2_grpc
from davy_cli.alarms import app

pytestmark = pytest.mark.system

FULL = {"kind": "spool-full", "severity": 3, "message": "the disk is full"}


@pytest.fixture
def stub(aggregator):
    return alarm_pb2_grpc.AlarmServiceStub(aggregator.channel)


async def test_an_alarm_is_watched_and_acknowledged(aggregator, stub):
    watching = stub.WatchAlarms(alarm_pb2.WatchAlarmsRequest())
    await report(aggregator, FULL)
    async with asyncio.timeout(10):
        async for news in watching:
            if found := [each for each in news.alarms if each.id == SPOOL]:
                break
    assert (found[0].state, found[0].title) == (alarm_pb2.ALARM_STATE_UNACKNOWLEDGED, "Disk of an edge full")
    assert not found[0].HasField("acknowledged")
    answer = await stub.AcknowledgeAlarm(alarm_pb2.AcknowledgeAlarmRequest(id=SPOOL, words="I see", occurrence=1))
    assert (answer.alarm.state, answer.alarm.acknowledged.words) == (alarm_pb2.ALARM_STATE_NORMAL, "I see")
    watching.cancel()
    changes = (await stub.ListAlarmChanges(alarm_pb2.ListAlarmChangesRequest(alarm=SPOOL))).changes
    assert [each.transition for each in changes] == ["cleared", "acknowledged", "raised"]
    older = await stub.ListAlarmChanges(alarm_pb2.ListAlarmChangesRequest(alarm=SPOOL, before=changes[0].seq, limit=1))
    assert [each.seq for each in older.changes] == [changes[1].seq]


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("AcknowledgeAlarm", alarm_pb2.AcknowledgeAlarmRequest(id="none:north"), "NOT_FOUND"),
        ("AcknowledgeAlarm", alarm_pb2.AcknowledgeAlarmRequest(id="../x"), "INVALID_ARGUMENT"),
        ("AcknowledgeAlarm", alarm_pb2.AcknowledgeAlarmRequest(id=SPOOL, words="x" * 501), "INVALID_ARGUMENT"),
        ("AcknowledgeAlarm", alarm_pb2.AcknowledgeAlarmRequest(id=SPOOL, occurrence=9), "FAILED_PRECONDITION"),
        ("ShelveAlarm", alarm_pb2.ShelveAlarmRequest(id=SPOOL, duration_s=60), "INVALID_ARGUMENT"),
        ("ShelveAlarm", alarm_pb2.ShelveAlarmRequest(id=SPOOL, words="why", duration_s=float("nan")), "INVALID_ARGUMENT"),
        ("UnshelveAlarm", alarm_pb2.UnshelveAlarmRequest(id=SPOOL), "FAILED_PRECONDITION"),
        ("ListAlarmChanges", alarm_pb2.ListAlarmChangesRequest(limit=1001), "INVALID_ARGUMENT"),
        ("ListAlarmChanges", alarm_pb2.ListAlarmChangesRequest(before=2**64 - 1), "INVALID_ARGUMENT"),
    ],
)
async def test_a_call_that_cannot_be_is_refused(aggregator, stub, method, request_, code):
    await report(aggregator, FULL)
    await raised(aggregator, SPOOL)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await getattr(stub, method)(request_)
    assert refused.value.code().name == code


async def davy_alarms(aggregator, *words):
    endpoint = f"grpc://127.0.0.1:{aggregator.grpc_port}"
    result = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--aggregator", endpoint], catch_exceptions=False)
    return result.exit_code, result.output


async def test_the_command_lists_acknowledges_and_shelves(aggregator):
    await report(aggregator, FULL, {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves"})
    await raised(aggregator, SPOOL, "roof-fall:north.face")
    code, listed = await davy_alarms(aggregator, "list")
    assert code == 0
    assert "unacknowledged" in listed
    assert SPOOL in listed
    code, lines = await davy_alarms(aggregator, "list", "--json")
    assert SPOOL in {json.loads(line)["id"] for line in lines.splitlines()}
    assert (await davy_alarms(aggregator, "acknowledge", SPOOL, "--words", "Bob looks")) == (0, f"{SPOOL}: normal\n")
    shelved = await davy_alarms(aggregator, "shelve", "roof-fall:north.face", "--words", "blasting", "--minutes", "5")
    assert shelved == (0, "roof-fall:north.face: shelved\n")
    back = await davy_alarms(aggregator, "unshelve", "roof-fall:north.face")
    assert back[1].startswith("roof-fall:north.face: ")
    code, history = await davy_alarms(aggregator, "history", SPOOL)
    assert "acknowledged" in history
    assert "Bob looks" in history


async def test_the_state_of_every_alarm_is_retained_on_the_broker(mosquitto, tmp_path):
    quiet = {kind: {"enabled": False} for kind in ("service-degraded", "camera-offline", "edge-offline", "disk-low")}
    async with running(make_settings(tmp_path), with_rules(make_site(mosquitto.endpoint), quiet)) as aggregator:
        await report(aggregator, FULL)
        await raised(aggregator, SPOOL)
        topics = AlarmTopics("mine", SPOOL)
        async with connect(mosquitto.endpoint, "panel") as bus:  # one that comes later
            heard = {}

            async def listen():
                async for message in bus.subscribe([AlarmTopics("mine").state, topics.counts], qos=1):
                    heard[message.topic] = json.loads(message.payload)

            listening = asyncio.create_task(listen())
            topic = topics.state
            await until(lambda: heard.get(topic, {}).get("state") == "unacknowledged", 10)
            await until(lambda: heard.get(topics.counts, {}).get("unacknowledged") == 1)
            await aggregator.client.post(f"/v1/alarms/{SPOOL}/acknowledge", json={})
            await until(lambda: heard[topic]["state"] == "normal")
            await until(lambda: heard[topics.counts]["unacknowledged"] == 0)
            mosquitto.kill()
            heard.clear()
            await report(aggregator, *[FULL] * 2)
            mosquitto.start()
            await until(lambda: heard.get(topic, {}).get("state") == "unacknowledged", 20)
            listening.cancel()
            await asyncio.wait({listening})
