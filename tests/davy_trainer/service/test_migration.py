"""Records of versions before 0.2 keep their content under today's names."""

import json

from tests.davy_trainer.service.conftest import serving, sse

from davy.adapters.storage.opening import open_database
from davy.adapters.storage.run_store import RunStore
from davy_trainer.service.embedding_watch import EmbeddingDrift
from davy_trainer.service.record import RunPhase, RunRecord

OLD = {
    "id": "20260101-000000-prompts-1a2b",
    "kind": "prompts",
    "state": "done",
    "part": "judge",
    "by": "schedule",
    "told": "new prompts",
    "created_ns": 1,
    "read": 77,
    "result": {"figures": {"held-accuracy": 0.9, "train-accuracy": 0.95}},
}


def test_an_old_run_record_is_read_with_todays_names():
    record = RunRecord.model_validate_json(json.dumps(OLD))
    assert (record.phase, record.trigger, record.message, record.progress_offset) == (
        RunPhase.EVALUATE,
        "schedule",
        "new prompts",
        77,
    )
    assert record.result.figures == {"held-out-accuracy": 0.9, "train-accuracy": 0.95}
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


def test_an_old_drift_measurement_keeps_its_message():
    assert EmbeddingDrift.model_validate_json('{"told": "measured", "model": "m"}').message == "measured"


async def test_an_old_run_and_its_events_are_served_with_todays_names(settings, tmp_path):
    given = settings()
    database = open_database(given.data)
    store = RunStore(database)
    store.add(OLD["id"], json.dumps(OLD), lambda _: None)
    event = json.dumps({"state": "done", "part": "judge", "told": "new prompts", "kills": 0})
    store.change(OLD["id"], lambda body: (body, [("state", event)]))
    database.close()
    async with serving(given) as service:
        assert (await service.get(OLD["id"]))["message"] == "new prompts"
        kind, _, data = (await sse(service.client, OLD["id"]))[0]
        found = json.loads(data)
        assert (kind, found["phase"], found["message"], "told" in found) == ("state", "evaluate", "new prompts", False)
