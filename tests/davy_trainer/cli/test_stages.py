"""`davy train pair | enhance | refine | all | ablate` as a person types them."""

import json
import os
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
import torch

from davy.imaging.nets.checkpoint import load_checkpoint, save_net
from davy.imaging.nets.ispcnn import IspCnn

pytestmark = pytest.mark.system

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", "TERM": "dumb"}
TINY = {
    "self_supervised": {"steps": 2, "crop_width": 64, "crop_height": 32, "batch": 2, "width": 8, "short_side": 96},
    "pair": {"steps": 2, "views": 1, "tokens": 4},
    "refine": {"steps": 2, "patches": 1},
    "enhance": {
        "steps": 6,
        "crop_width": 64,
        "crop_height": 32,
        "short_side": 96,
        "batch": 1,
        "views": 1,
        "checkpoint_every": 1,
    },
}
SETTINGS = [w for stage, table in TINY.items() for n, v in table.items() for w in ("--set", f"{stage}.{n}={v}")]


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(0)
    save_net(tmp_path / "start.safetensors", IspCnn(8), {})
    return tmp_path / "start.safetensors"


@pytest.fixture
def low(folder, tmp_path):
    """Dark copies of the photographs."""
    for path in sorted(folder.rglob("*.*g")):
        (tmp_path / "low").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / "low" / f"{path.stem}.png"), (cv2.imread(str(path)) * 0.15).astype(np.uint8))
    return tmp_path / "low"


def launch(*words, cwd):
    command = [sys.executable, "-m", "davy", "train", *map(str, words)]
    return subprocess.Popen(command, env=ENVIRONMENT, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_stages_killed_amid_enhancement_go_on_to_the_same_bits(folder, low, start, pairs_folder, tmp_path):
    words = ["all", "--low", low, "--normal", folder, "--weights", start, "--clip", "davy:random", *SETTINGS]
    words += ["--validate", pairs_folder]
    whole = launch(*words, "--out", "whole", cwd=tmp_path)
    parts = launch(*words, "--out", "parts", cwd=tmp_path)
    killed = tmp_path / "parts" / "02-enhance-1" / "checkpoint.safetensors"
    ends = time.monotonic() + 90
    while not killed.exists() or load_checkpoint(killed).facts["step"] < 2:
        assert parts.poll() is None and time.monotonic() < ends, parts.communicate()
        time.sleep(0.01)
    parts.kill()
    parts.communicate()
    output, errors = whole.communicate(timeout=100)
    assert whole.returncode == 0, errors
    assert (
        "round 2" in output and (tmp_path / "whole" / "summary.png").exists() and (tmp_path / "whole" / "ispcnn.onnx").exists()
    )
    assert "improve" in json.loads((tmp_path / "whole" / "summary.json").read_text())["comparison"]

    resumed = launch("all", "--resume", "--out", "parts", cwd=tmp_path)
    errors = resumed.communicate(timeout=100)[1]
    assert resumed.returncode == 0, errors
    for stage in ("02-enhance-1", "04-enhance-2"):
        ours, theirs = (load_checkpoint(tmp_path / run / stage / "checkpoint.safetensors") for run in ("whole", "parts"))
        for part in ("weights", "ema", "optimizer"):
            one, other = getattr(ours, part), getattr(theirs, part)
            assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one), (stage, part)


def in_process(words, monkeypatch, capsys, tmp_path):
    from davy_cli.main import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["davy", "train", *map(str, words)])
    status = main()
    said = capsys.readouterr()
    return status, " ".join(said.err.split()), said.out


LOW = ["--low", "low", "--normal", "photographs"]
START = ["--weights", "start.safetensors"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["pair", *LOW], "--out FOLDER"),
        (["pair", "--out", "run", "--low", "low"], "--normal FOLDER"),
        (["pair", "--out", "run", "--low", "none", "--normal", "photographs"], "none is not a folder"),
        (["pair", "--out", "run", *LOW, "--clip", "ViT-B-33"], "no open_clip architecture"),
        (["pair", "--out", "run", "--resume"], "nothing to resume"),
        (["pair", "--out", "run", *LOW, "--set", "step=3"], "'step' is not a setting"),
        (["refine", "--out", "run", *LOW, *START], "--prompts RUN"),
        (["enhance", "--out", "run", *LOW, *START, "--steps", 1], "--prompts RUN"),
        (["enhance", "--out", "run", *LOW, "--steps", 1], "--weights RUN"),
        (["enhance", "--out", "run", *LOW, *START, "--no-clip"], "either steps or minutes"),
        (["enhance", "--out", "run", "--low", "low", *START, "--no-clip", "--steps", 1], "--normal FOLDER"),
        (["enhance", "--out", "run", *LOW, "--weights", "none", "--steps", 1], "none holds no weights"),
        (["all", "--out", "run"], "--data FOLDER"),
        (["all", "--out", "run", *LOW, "--set", "enhance.step=3"], "step: Extra inputs"),
        (["all", "--out", "run", *LOW, "--must-improve"], "--validate FOLDER"),
        (["all", "--out", "run", "--resume"], "nothing to resume"),
        (["ablate", "--out", "run", *LOW], "--weights RUN"),
        (["ablate", "--out", "run", *LOW, *START, "--only", "without lamps"], "no ablation 'without lamps'"),
        (["ablate", "--out", "run", *LOW, *START, "--seeds", "one"], "whole numbers"),
    ],
)
def test_invalid_arguments_end_with_one_sentence(words, text, low, start, monkeypatch, capsys, tmp_path):
    status, errors, _ = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 2
    assert text in errors and "Traceback" not in errors
    assert not (tmp_path / "run" / "all.json").exists()


def test_prompts__that_do_not_exist_are_an_error(low, start, monkeypatch, capsys, tmp_path):
    words = ["enhance", "--out", "run", *LOW, *START, "--prompts", "low", "--steps", 1]
    status, errors, _ = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 1 and "davy train pair" in errors


def test_a_run_is_not_overwritten_and_keeps_its_settings(low, start, monkeypatch, capsys, tmp_path):
    words = ["pair", "--out", "run", *LOW, "--clip", "davy:random", "--labels", "fixed", "--set", "views=1"]
    status, _, said = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 0 and "held_out_accuracy" in said
    assert "--resume" in in_process(words, monkeypatch, capsys, tmp_path)[1]
    status, errors, _ = in_process(["pair", "--out", "run", "--resume", "--seed", 3], monkeypatch, capsys, tmp_path)
    assert status == 2 and "omit seed" in errors


def test_enhancement_without_clip_runs_and_is_exported(low, start, monkeypatch, capsys, tmp_path):
    tiny = [w for n, v in TINY["enhance"].items() if n != "steps" for w in ("--set", f"{n}={v}")]
    tiny += [w for n in ("crop_width=64", "crop_height=32", "batch=2") for w in ("--set", f"replay.{n}")]
    words = ["enhance", "--out", "run", *LOW, *START, "--no-clip", "--steps", 1, *tiny]
    status, errors, _ = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 0, errors
    status, errors, _ = in_process(["export", "run", "--out", "shipped"], monkeypatch, capsys, tmp_path)
    assert status == 0, errors
    from davy.imaging.nets.checkpoint import load_net

    facts = load_net(tmp_path / "shipped" / "ispcnn.safetensors")[1]
    assert facts["low_light_pictures"] == {"low": 3} and facts["settings"]["initial_weights"] == "start.safetensors"


@pytest.mark.slow  # 10 s
def test_an_ablation_is_trained_evaluated_and_printed(low, start, folder, pairs_folder, monkeypatch, capsys, tmp_path):
    settings = [w for s in ("pair", "refine", "enhance") for n, v in TINY[s].items() for w in ("--set", f"{s}.{n}={v}")]
    replay = ["--set", "enhance.replay_weight=0", "--set", "enhance.clip=davy:random"]
    words = ["ablate", "--out", "run", *LOW, *START, "--steps", 1, "--seeds", "1", "--mine", pairs_folder]
    words += ["--set", "clip=davy:random", "--only", "without CLIP", *settings, *replay, "--set", "enhance.steps=1"]
    status, errors, said = in_process(words, monkeypatch, capsys, tmp_path)
    assert status == 0, errors
    assert "without CLIP" in said and "no difference is significant" in said
    assert (tmp_path / "run" / "without-clip.png").exists()
    facts = json.loads((tmp_path / "run" / "ablations.json").read_text())
    assert {"start", "the whole recipe", "without CLIP"} == set(facts["figures"])


def test_photographs_of_installed_packages_are_copied(monkeypatch, capsys, tmp_path):
    status, _, said = in_process(["photographs", "photos"], monkeypatch, capsys, tmp_path)
    assert status == 0 and len(said.split()) == len(list((tmp_path / "photos").iterdir())) >= 6
