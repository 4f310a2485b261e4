import json

import pytest

from davy_trainer.runs.log_lines import read_lines
from davy_trainer.runs.run_log import Means, RunLog


def test_a_record_is_one_json_line(tmp_path):
    log = RunLog(tmp_path, 0)
    log.write("train", 10, {"loss": 0.25})
    log.write("validation", 10, {})  # no pairs, no record
    log.close()
    assert [json.loads(line) for line in read_lines(tmp_path / "log.jsonl")] == [{"step": 10, "kind": "train", "loss": 0.25}]
    assert list((tmp_path / "tensorboard").glob("events.*"))


def test_going_on_drops_what_came_after_the_checkpoint(tmp_path):
    (tmp_path / "log.jsonl").write_text('{"step": 10}\n{"step": 20}\n{"step": 30}\n{"step": 4')
    RunLog(tmp_path, 20).close()
    assert read_lines(tmp_path / "log.jsonl") == ['{"step": 10}', '{"step": 20}']


def test_means_are_taken_once():
    means = Means()
    means.add({"loss": 1.0})
    means.add({"loss": 3.0})
    assert means.take() == {"loss": pytest.approx(2.0)}
    assert means.take() == {}
