import asyncio
import json

import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from tests.davy_aggregator.conftest import make_settings, make_site
from tests.davy_aggregator.conftest import running as aggregating
from tests.davy_trainer.service.conftest import serving, until

from davy.adapters.http.server import serve_app
from davy.adapters.mqtt.bus import connect
from davy.adapters.storage.opening import open_database
from davy.adapters.storage.run_store import RunStore
from davy.domain.ports import Message
from davy_trainer.service.drift_trigger import DriftCounter, cooling_down, watch_drift
from davy_trainer.service.metrics import TrainerMetrics
from davy_trainer.service.record import RunRecord, RunState
from davy_trainer.service.run_service import RunService


def scores_of(**scores: float) -> list[dict]:
    return [{"camera": f"north.{name}", "score": score, "reasons": {"dark": score}} for name, score in scores.items()]


def test_drift_must_last_and_each_camera_waits_for_its_own():
    counter = DriftCounter(1.0, 3)
    assert counter.observe(scores_of(face=1.2)) == {}
    assert counter.observe(scores_of(face=0.4)) == {}  # a lamp that passes by
    assert counter.observe(scores_of(face=1.2)) == counter.observe(scores_of(face=1.3)) == {}
    assert sorted(counter.observe(scores_of(face=1.4, belt=2.0, shaft=0.9))) == ["north.face"]
    assert sorted(counter.observe(scores_of(face=0.2, belt=2.0))) == []
    assert sorted(counter.observe(scores_of(belt=2.0))) == ["north.belt"]


def test_a_camera_without_a_score_has_no_drift():
    counter = DriftCounter(1.0, 1)
    assert counter.observe([{"camera": "north.face", "score": None, "reasons": {}}]) == {}


def run_of(*cameras: str, state: RunState = RunState.DONE, ended_s: float = 0, **changes) -> RunRecord:
    fields = {"id": "a", "kind": "adapt", "trigger": "drift", "created_ns": 1, "drifted": cameras, "state": state}
    return RunRecord(**fields | {"ended_ns": int(ended_s * 1e9)} | changes)


def test_after_a_run_that_drift_began_its_own_cameras_cool_down():
    def rest(*records: RunRecord, now_s: float) -> set[str]:
        return cooling_down(records, ["n.face", "n.belt"], 3600, 60, int(now_s * 1e9))

    both = {"n.face", "n.belt"}
    assert rest(run_of("n.face", state=RunState.RUNNING), now_s=9e9) == both  # it goes on
    assert rest(run_of("n.face"), now_s=3599) == {"n.face"}
    assert rest(run_of("n.face"), now_s=3601) == set()
    assert rest(run_of("n.face", trigger="", reason="drift: as somebody wrote"), now_s=1) == set()
    assert rest(now_s=1) == set()


def test_after_a_run_that_failed_it_is_tried_again_sooner_and_then_ever_later():
    failed = [run_of("n.face", state=RunState.FAILED)] * 12
    for failures, rest_s in ((1, 60), (2, 120), (3, 240), (12, 3600)):
        for now_s, rests in ((rest_s - 1, {"n.face"}), (rest_s + 1, set())):
            assert cooling_down([*failed[:failures], run_of("n.face")], ["n.face"], 3600, 60, int(now_s * 1e9)) == rests


async def test_an_aggregator_that_does_not_answer_is_an_error_and_no_end(settings, tmp_path, free_port):
    given = settings(aggregator=f"http://127.0.0.1:{free_port}", drift_above=1.0, drift_every_s=0.05, drift_checks=2)
    database, errors = open_database(tmp_path), []
    runs = RunService(given, RunStore(database))
    task = asyncio.create_task(watch_drift(runs, TrainerMetrics(CollectorRegistry()), lambda: True, errors.append))
    await until(lambda: asyncio.sleep(0, errors), bool, 10)
    assert "127.0.0.1" in errors[0]

    app = FastAPI()
    app.add_api_route("/v1/drift", lambda: {"cameras": scores_of(face=1.5, belt=0.2)})
    server = asyncio.create_task(serve_app(app, "127.0.0.1", free_port))
    found = await until(runs.all, bool, 10)
    assert errors[-1] == ""
    assert (found[0].kind, found[0].drifted) == ("adapt", ("north.face",))
    assert found[0].reason == "drift: north.face 1.50 (dark), in 2 checks"
    assert found[0].trigger == "drift"
    await asyncio.sleep(0.3)
    assert len(await runs.all()) == 1  # the first goes on
    for each in (task, server):
        each.cancel()
    await asyncio.gather(task, server, return_exceptions=True)
    database.close()


@pytest.mark.system
async def test_what_a_real_aggregator_says_of_drift_begins_a_run_that_is_named_for_it(settings, mosquitto, tmp_path):
    site = make_site(broker=mosquitto.endpoint)
    async with aggregating(make_settings(tmp_path / "aggregator"), site) as aggregator, connect(mosquitto.endpoint, "e") as bus:
        changes = {"aggregator": aggregator.http, "drift_above": 1.0, "drift_every_s": 0.1, "samples_wait_s": 0}
        async with serving(settings(**changes)) as service:
            stats = {"cameras": {"face": {"drift": {"state": "drifted", "score": 1.8, "reasons": {"brightness": 1.8}}}}}
            await bus.publish(Message("davy/v1/mine/north/stats", json.dumps(stats).encode()))
            (run,) = await until(service.all, bool, 15)
            assert (run["kind"], run["drifted"], "brightness" in run["reason"]) == ("adapt", ["north.face"], True)
            ended = await service.ended(run["id"])
            assert ended["state"] == "failed"  # the camera has sent no samples yet
            assert "north.face: fewer than 1 samples" in ended["message"]
            assert service.registry.get_sample_value("davy_training_triggers_total", {"trigger": "drift"}) == 1
