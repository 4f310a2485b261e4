import json

import pytest

from davy_trainer.runs.progress import FILE, ProgressWriter
from davy_trainer.service.progress import read_progress


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setenv(FILE, str(tmp_path / "progress.jsonl"))
    return tmp_path / "progress.jsonl"


def test_progress_of_a_stage_is_read_once(path):
    writer = ProgressWriter("02-enhance-1")
    writer.write(1, 20, {"loss": 0.5})
    found, offset = read_progress(path, 0)
    assert [(each.stage, each.step, each.total, each.values) for each in found] == [("02-enhance-1", 1, 20, {"loss": 0.5})]
    assert read_progress(path, offset) == ([], offset)
    writer.write(20, 20, {})
    assert [each.step for each in read_progress(path, offset)[0]] == [20]


def test_steps_that_follow_each_other_fast_are_written_twice_a_second(path):
    writer = ProgressWriter("train")
    for step in range(1, 1000):
        writer.write(step, 1000, {})
    assert read_progress(path, 0)[0][0].step == 1
    assert len(read_progress(path, 0)[0]) < 5


def test_a_line_that_a_kill_cut_short_hides_no_other(path):
    path.write_text(json.dumps({"stage": "a", "step": 1}) + '\n{"stage": "a", "st')
    found, offset = read_progress(path, 0)
    assert [each.step for each in found] == [1]
    ProgressWriter("a").write(2, None, {})
    assert [each.step for each in read_progress(path, offset)[0]] == [2]


def test_without_a_file_nothing_is_written(path, monkeypatch):
    monkeypatch.delenv(FILE)
    ProgressWriter("a").write(1, 1, {})
    assert not path.exists()
    assert read_progress(path, 0) == ([], 0)
