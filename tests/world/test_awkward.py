"""Awkward inputs: no death, no hang, no silent loss."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.world import awkward

ROOT = Path(__file__).parents[2]
HANG_S = 5.0  # of processor time: a machine that is busy makes nothing hang
RIDDLES = ("Input/output error", "Invalid data found", "Invalid argument", "Errno", "Operation not permitted")


def judged(count: int | None, tmp_path: Path, timeout_s: float) -> list[dict[str, object]]:
    folder = tmp_path / "inputs"
    folder.mkdir()
    wanted = awkward.inputs(count)
    for name, data in wanted.items():
        (folder / name).write_bytes(data)
    command = [sys.executable, "-m", "tests.world.awkward", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=timeout_s, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {answer["name"] for answer in answers} == set(wanted), f"it died: {done.stderr[-2000:]}"
    return answers


def check(answers: list[dict[str, object]]) -> None:
    assert [answer for answer in answers if answer["outcome"] not in ("enhanced", "refused")] == []
    assert [answer for answer in answers if answer["cpu_s"] > HANG_S] == []
    assert [answer for answer in answers if answer["silent"]] == []
    refused = [answer for answer in answers if answer["outcome"] == "refused"]
    assert [answer for answer in refused if not answer["told"] or any(riddle in answer["told"][0] for riddle in RIDDLES)] == []


@pytest.mark.system
def test_forty_awkward_files_are_enhanced_or_refused_with_a_reason(tmp_path: Path):
    check(judged(40, tmp_path, timeout_s=100))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_awkward_file_is_enhanced_or_refused_with_a_reason(tmp_path: Path):
    answers = judged(None, tmp_path, timeout_s=500)
    assert len(answers) >= 200
    check(answers)
