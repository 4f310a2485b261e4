import asyncio
import json
import time

import pytest
from tests.davy_aggregator.conftest import PICTURE, make_settings, make_site, running, until, with_rules
from tests.davy_aggregator.rest.test_events import report
from tests.security.closed import closed_mine
from websockets.asyncio.client import connect

pytestmark = pytest.mark.system

BLOCKED, SPOOL = "lens-blocked:north.face", "spool-full:north"


async def standing(aggregator) -> dict:
    """The alarms that edges raised, by id."""
    found = (await aggregator.get("/v1/alarms")).json()["alarms"]
    return {each["id"]: each for each in found if not each["kind"].startswith(("service", "camera", "edge", "disk"))}


async def raised(aggregator, *ids):
    return await until(lambda: _has(aggregator, ids))


async def _has(aggregator, ids):
    found = await standing(aggregator)
    return found if set(ids) <= set(found) else None


async def test_an_alarm_is_raised_acknowledged_and_found_in_the_history(aggregator):
    await report(aggregator, {"kind": "spool-full", "severity": 3, "message": "the disk is full", "keyframe_jpeg": PICTURE})
    alarm = (await raised(aggregator, SPOOL))[SPOOL]
    assert (alarm["state"], alarm["severity"], alarm["message"]) == ("unacknowledged", "alarm", "the disk is full")
    assert alarm["title"] == "Disk of an edge full"
    assert (await aggregator.get(alarm["picture"])).content == PICTURE
    answer = await aggregator.client.post(f"/v1/alarms/{SPOOL}/acknowledge", json={"words": "Bob looks", "occurrence": 1})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["acknowledged"]["words"]) == ("normal", "Bob looks")
    assert SPOOL not in await standing(aggregator)
    changes = (await aggregator.get("/v1/alarms/history", params={"alarm": SPOOL})).json()["changes"]
    assert [each["transition"] for each in changes] == ["cleared", "acknowledged", "raised"]
    assert (changes[1]["who"], changes[1]["words"]) == ("127.0.0.1", "Bob looks")


async def test_a_kind_that_nobody_named_is_an_alarm_if_it_says_so(aggregator):
    await report(
        aggregator,
        {"kind": "roof-fall", "severity": 3, "camera": "face", "message": "rock moves"},
        {"kind": "motion", "severity": 1, "camera": "face"},
    )
    assert set(await raised(aggregator, "roof-fall:north.face")) == {"roof-fall:north.face"}


async def test_an_alarm_of_a_raise_that_nobody_has_seen_is_not_acknowledged(aggregator):
    for seq in (1, 2):
        await report(aggregator, *[{"kind": "spool-full", "severity": 3, "message": "full"}] * seq)
    await until(lambda: _occurrence(aggregator, 2))
    late = await aggregator.client.post(f"/v1/alarms/{SPOOL}/acknowledge", json={"occurrence": 1})
    assert late.status_code == 409
    assert "raised again" in late.json()["detail"]


async def _occurrence(aggregator, number):
    return (await standing(aggregator)).get(SPOOL, {}).get("occurrence") == number


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("lens-blocked:north.face/acknowledge", {}, 404),
        ("UPPER:north/acknowledge", {}, 422),
        ("spool-full:north/shelve", {"duration_s": 10}, 422),
        ("spool-full:north/shelve", {"duration_s": 10, "words": ""}, 422),
        ("spool-full:north/shelve", {"duration_s": 10, "words": "  "}, 422),
        ("spool-full:north/shelve", {"duration_s": 90_000, "words": "too long"}, 422),
        ("spool-full:north/unshelve", {}, 409),
        ("spool-full:north/acknowledge", {"words": "x" * 501}, 422),
    ],
)
async def test_an_answer_that_cannot_be_is_refused(aggregator, path, body, status):
    await report(aggregator, {"kind": "spool-full", "severity": 3, "message": "full"})
    await raised(aggregator, SPOOL)
    assert (await aggregator.client.post(f"/v1/alarms/{path}", json=body)).status_code == status


async def test_a_shelved_alarm_comes_back_by_itself(aggregator):
    await report(aggregator, {"kind": "spool-full", "severity": 3, "message": "full"})
    await raised(aggregator, SPOOL)
    shelved = await aggregator.client.post(f"/v1/alarms/{SPOOL}/shelve", json={"duration_s": 30, "words": "known"})
    assert (shelved.json()["state"], shelved.json()["shelved"]["words"]) == ("shelved", "known")
    counts = (await aggregator.get("/v1/alarms/counts")).json()["counts"]
    assert counts["shelved"] == 1
    back = await aggregator.client.post(f"/v1/alarms/{SPOOL}/unshelve", json={})
    assert back.json()["state"] in ("normal", "unacknowledged")


async def test_several_alarms_are_answered_together(aggregator):
    kinds = [{"kind": f"fault-{number}", "severity": 3, "message": "broken"} for number in range(5)]
    await report(aggregator, *kinds)
    ids = [f"fault-{number}:north" for number in range(5)]
    await raised(aggregator, *ids)
    body = {"alarms": [{"id": each} for each in [*ids, "fault-9:north"]], "words": "one cable"}
    answer = (await aggregator.client.post("/v1/alarms/acknowledge", json=body)).json()
    assert [each["id"] for each in answer["alarms"]] == ids
    assert [each["id"] for each in answer["refused"]] == ["fault-9:north"]


async def test_a_window_sees_every_alarm_and_then_its_changes(aggregator):
    await report(aggregator, {"kind": "spool-full", "severity": 3, "message": "full"})
    await raised(aggregator, SPOOL)
    async with connect(aggregator.http.replace("http", "ws") + "/v1/alarms/watch") as socket, asyncio.timeout(5):
        first = json.loads(await socket.recv())
        assert first["all"]
        assert SPOOL in {each["id"] for each in first["alarms"]}
        await aggregator.client.post(f"/v1/alarms/{SPOOL}/acknowledge", json={})
        while True:
            news = json.loads(await socket.recv())
            if states := [each["state"] for each in news["alarms"] if each["id"] == SPOOL]:
                assert (states, news["all"]) == (["normal"], False)
                return


async def test_rules_change_while_the_site_runs_and_survive_a_restart(tmp_path):
    site = with_rules(make_site(), {"spool-full": {"severity": "warning"}}, targets={"log": {"kind": "mqtt"}})
    async with running(make_settings(tmp_path), site) as aggregator:
        before = await aggregator.get("/v1/alarm-rules")
        assert before.json()["rules"]["rules"] == {"spool-full": before.json()["rules"]["rules"]["spool-full"]}
        assert before.json()["targets"] == {"log": "mqtt"}
        rules = {"rules": {"spool-full": {"enabled": False}}, "escalation": [{"after_s": 60, "to": ["log"]}]}
        change = {"rules": rules, "why": "known fault"}
        headers = {"If-Match": before.headers["etag"]}
        put = await aggregator.client.put("/v1/alarm-rules", json=change, headers=headers)
        assert (put.status_code, put.json()["why"], put.json()["id"]) == (200, "known fault", "1")
        again = await aggregator.client.put("/v1/alarm-rules", json=change, headers=headers)
        assert again.status_code in (409, 412)
        await report(aggregator, {"kind": "spool-full", "severity": 3, "message": "full"})
        found = await raised(aggregator, SPOOL)
        assert found[SPOOL]["state"] == "out-of-service"
        unknown = {"rules": {"escalation": [{"to": ["nobody"]}]}}
        refused = await aggregator.client.put("/v1/alarm-rules", json=unknown)
        assert refused.status_code == 422
        assert "no target 'nobody'" in refused.json()["detail"]
    async with running(make_settings(tmp_path), site) as aggregator:
        assert (await aggregator.get("/v1/alarm-rules")).json()["why"] == "known fault"
        assert (await standing(aggregator))[SPOOL]["state"] == "out-of-service"
        history = (await aggregator.get("/v1/alarm-rules/history")).json()["history"]
        assert [each["why"] for each in history] == ["known fault"]


async def test_p8_a_viewer_reads_an_operator_answers_and_an_engineer_sets_the_rules(tmp_path):
    async with closed_mine(tmp_path) as mine:
        client, path = mine.aggregator.client, "/v1/alarms/service-degraded:aggregator:broker"
        await until(lambda: _stands(mine, "service-degraded:aggregator:broker"), 30)
        for who, status in (("viewer", 403), ("operator", 200)):
            answer = await client.post(f"{path}/acknowledge", json={"words": "I see"}, headers=mine.headers(who))
            assert answer.status_code == status
        assert answer.json()["acknowledged"]["who"] == "operator"
        rules = {"rules": {"rules": {}}}
        for who, status in (("viewer", 403), ("operator", 403), ("engineer", 200)):
            assert (await client.put("/v1/alarm-rules", json=rules, headers=mine.headers(who))).status_code == status
        assert (await mine.get("/v1/alarms")).status_code == 200
        journal = (await mine.get("/v1/journal", "admin", params={"operation": "acknowledge"})).json()["entries"]
        done = next(each for each in journal if each["answer"] == "200")
        assert (done["who"], done["before"]["state"], done["after"]["state"]) == ("operator", "unacknowledged", "acknowledged")


async def _stands(mine, alarm_id):
    return alarm_id in {each["id"] for each in (await mine.get("/v1/alarms")).json()["alarms"]}


async def test_a_flood_of_alarms_is_answered_at_once(aggregator):
    """Five hundred alarms of one edge's many cameras; the time is measured elsewhere."""
    events = [{"kind": "roof-fall", "severity": 3, "camera": f"cam-{number}", "message": "rock"} for number in range(500)]
    await report(aggregator, *events)
    await until(lambda: _count(aggregator, 500), 20)
    started_s = time.monotonic()
    found = (await aggregator.get("/v1/alarms?kind=roof-fall")).json()
    assert len(found["alarms"]) == 500
    assert time.monotonic() - started_s < 5


async def _count(aggregator, number):
    return len(await standing(aggregator)) >= number
