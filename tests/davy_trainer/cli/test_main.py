"""`davy train` as a person types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from davy.imaging.nets.checkpoint import load_checkpoint

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "TERM": "dumb"}
SMALL = [
    word
    for setting in ("crop_width=64", "crop_height=32", "batch=2", "width=8", "warmup_steps=2", "checkpoint_every=2")
    for word in ("--set", setting)
]


def davy(*words, cwd):
    command = [sys.executable, "-m", "davy", "train", *map(str, words)]
    return subprocess.run(command, env=ENVIRONMENT, cwd=cwd, capture_output=True, text=True, timeout=100)


def launch(*words, cwd):
    command = [sys.executable, "-m", "davy", "train", *map(str, words)]
    return subprocess.Popen(command, env=ENVIRONMENT, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(path: Path, process) -> None:
    ends = time.monotonic() + 100
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.02)


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.slow  # tests/davy_trainer/stages kills the same loop
def test_killed_and_resumed_gives_the_same_bits_as_undisturbed(folder, tmp_path):
    words = ["self-supervised", "--data", folder, "--steps", 30, "--seed", 4, *SMALL]
    whole = davy(*words, "--out", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr

    process = launch(*words, "--out", "parts", cwd=tmp_path)
    wait_for(tmp_path / "parts" / "checkpoint.safetensors", process)
    workers = psutil.Process(process.pid).children()
    process.kill()
    process.communicate()
    killed_at = load_checkpoint(tmp_path / "parts" / "checkpoint.safetensors").facts["step"]
    assert killed_at < 30
    assert psutil.wait_procs(workers, timeout=5)[1] == []  # they end with their parent

    resumed = davy("self-supervised", "--resume", "--out", "parts", "--workers", 2, cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    ours, theirs = (load_checkpoint(tmp_path / run / "checkpoint.safetensors") for run in ("whole", "parts"))
    for part in ("weights", "ema", "optimizer"):
        one, other = getattr(ours, part), getattr(theirs, part)
        assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one), part
    steps = [json.loads(line)["step"] for line in (tmp_path / "parts" / "log.jsonl").read_text().splitlines()]
    assert steps == [10, 20, 30]


@pytest.mark.system
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_writes_a_checkpoint_and_ends_with_status_0(folder, tmp_path, number):
    process = launch("self-supervised", "--data", folder, "--steps", 100_000, "--out", "run", *SMALL, cwd=tmp_path)
    wait_for(tmp_path / "run" / "checkpoint.safetensors", process)
    workers = psutil.Process(process.pid).children()
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    step = load_checkpoint(tmp_path / "run" / "checkpoint.safetensors").facts["step"]
    assert f"step {step} of 100000" in output and "continue with --resume" in output
    assert psutil.wait_procs(workers, timeout=5)[1] == []


@pytest.mark.system
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # of torch's own exporter
def test_a_run_is_exported_and_evaluated(folder, pairs_folder, tmp_path, monkeypatch, capsys):
    def davy_train(*words):
        status, output = in_process(words, monkeypatch, capsys, tmp_path, stream="out")
        assert status == 0
        return output

    davy_train("self-supervised", "--data", folder, "--minutes", 0.02, "--out", "run", *SMALL)
    assert "ispcnn.onnx" in davy_train("export", "run", "--out", "shipped")
    model = tmp_path / "shipped" / "ispcnn.onnx"
    words = (pairs_folder / "low", pairs_folder / "high", "--model", model, "--json", "figures.json")
    assert davy_train("evaluate", *words).count("|") > 15
    assert json.loads((tmp_path / "figures.json").read_text())["pictures"] == 2
    davy_train("sheet", folder, "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def in_process(words, monkeypatch, capsys, tmp_path, stream="err"):
    """Status and output of the same command line, without a second start of Python and torch."""
    from davy_cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["davy", "train", *map(str, words)])
    return main(), " ".join(getattr(capsys.readouterr(), stream).split())


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["self-supervised", "--steps", 3], "--data FOLDER"),
        (["self-supervised", "--steps", 3, "--data", "none"], "none is not a folder"),
        (["self-supervised", "--steps", 3, "--data", "."], "holds no picture"),
        (["self-supervised", "--data", "."], "either steps or minutes"),
        (["self-supervised", "--resume"], "--out FOLDER"),
        (["self-supervised", "--resume", "--out", "none"], "nothing to resume"),
        (["self-supervised", "--steps", 3, "--data", ".", "--set", "lr=1"], "'lr' is not a setting"),
        (["self-supervised", "--steps", 3, "--data", ".", "--weight", "lol"], "GROUP=NUMBER"),
        (["export", "none"], "none does not exist"),
        (["evaluate", "none", "none"], "none is not a folder"),
        (["sheet", "none", "out.png"], "none is not a folder"),
    ],
)
def test_invalid_arguments_end_with_one_sentence(words, text, monkeypatch, capsys, tmp_path):
    status, errors = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 2
    assert text in errors and "Traceback" not in errors


def test_a_folder_that_holds_a_run_is_not_overwritten(folder, monkeypatch, capsys, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"precious")
    words = ["self-supervised", "--data", folder, "--steps", 1, "--out", "run"]
    status, errors = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 2 and "--resume" in errors
    assert (tmp_path / "run" / "checkpoint.safetensors").read_bytes() == b"precious"


def test_a_broken_checkpoint_is_an_error(monkeypatch, capsys, tmp_path):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"broken")
    status, errors = in_process(["self-supervised", "--resume", "--out", "."], monkeypatch, capsys, tmp_path)
    assert status == 1 and "cannot be read" in errors
