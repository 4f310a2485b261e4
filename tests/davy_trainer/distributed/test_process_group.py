"""Two processes of torchrun against one; the sums of gradients are taken in another order, so the last bits may differ."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from davy.domain.errors import ConfigError
from davy.imaging.nets.checkpoint import load_checkpoint, save_net
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.mixed_batches import make_mixed
from davy_trainer.data.photographs import load_groups
from davy_trainer.data.synthetic import make_batch
from davy_trainer.distributed import process_group
from davy_trainer.stages.settings import EnhanceSettings

TOLERANCE = 1e-3  # of a loss, after a few steps: float32 differences of 1e-7 grow through Adam's division
SMALL = ["crop_width=64", "crop_height=32", "short_side=96", "warmup_steps=2", "log_every=1", "checkpoint_every=2"]
TORCHRUN = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "davy", "train"]


def run(words, processes):
    start = TORCHRUN if processes == 2 else ["-m", "davy", "train"]
    done = subprocess.run(
        [sys.executable, *start, *map(str, words)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done


def losses(out):
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    return [(record["step"], record["loss"]) for record in records if record["kind"] == "train"]


def assert_alike(one, two):
    assert [step for step, _ in losses(one)] == [step for step, _ in losses(two)]
    assert [loss for _, loss in losses(one)] == pytest.approx([loss for _, loss in losses(two)], rel=TOLERANCE)
    ours, theirs = (load_checkpoint(out / "checkpoint.safetensors") for out in (one, two))
    assert ours.facts["step"] == theirs.facts["step"]
    far = max(float((ours.weights[name] - theirs.weights[name]).abs().max()) for name in ours.weights)
    assert far < 5e-3


@pytest.mark.system
@pytest.mark.slow  # 25 s
def test_two_processes_have_the_loss_curve_of_one(folder, tmp_path):
    words = ["self-supervised", "--data", folder, "--steps", 6, *(f"--set={word}" for word in [*SMALL, "batch=4", "width=8"])]
    run([*words, "--out", tmp_path / "one"], 1)
    done = run([*words, "--out", tmp_path / "two"], 2)
    assert_alike(tmp_path / "one", tmp_path / "two")
    assert done.stdout.count("done") == 1  # only the first process tells


@pytest.mark.system
@pytest.mark.slow  # 30 s; the stage below it stays
def test_enhancement_by_two_processes_has_the_loss_curve_of_one(folder, tmp_path):
    torch.manual_seed(0)
    save_net(tmp_path / "start.safetensors", IspCnn(8), {})
    words = ["enhance", "--no-clip", "--weights", tmp_path / "start.safetensors", "--low", folder, "--normal", folder]
    words += ["--steps", 4, *(f"--set={word}" for word in [*SMALL, "batch=4"])]
    words += ["--set=replay.crop_width=64", "--set=replay.crop_height=32", "--set=replay.short_side=96"]
    run([*words, "--out", tmp_path / "one"], 1)
    run([*words, "--out", tmp_path / "two"], 2)
    assert_alike(tmp_path / "one", tmp_path / "two")


def test_parts_of_a_batch_are_the_batch(groups, settings):
    chosen = settings(batch=4)
    whole, parts = make_batch(groups, chosen, 3), [make_batch(groups, chosen, 3, part) for part in ((0, 1), (2, 3))]
    assert np.array_equal(whole.low, np.concatenate([part.low for part in parts]))


def test_views_go_with_their_pictures_and_weigh_as_much(groups, settings, folder):
    words = {
        "low": (folder,),
        "initial_weights": folder,
        "prompts": folder,
        "replay": settings(batch=4),
        "steps": 1,
        "batch": 4,
        "views": 3,
    }
    chosen = EnhanceSettings.model_validate(words | {"crop_width": 64, "crop_height": 32, "short_side": 96})
    low = load_groups(chosen.reading, lambda done, total: None)
    whole, *parts = (make_mixed(low, groups, chosen, 0, process) for process in ((0, 1), (0, 2), (1, 2)))
    assert np.array_equal(whole.low, np.concatenate([part.low for part in parts]))
    assert [len(part.views) for part in parts] == [2, 1]
    assert [part.views_share for part in parts] == pytest.approx([4 / 3, 2 / 3])
    assert parts[1].views[0] == (0, whole.views[2][1])
    assert np.array_equal(whole.replay.ground_truth, np.concatenate([part.replay.ground_truth for part in parts]))


def test_alone_nothing_is_shared():
    assert process_group.is_first() and process_group.count() == 1 and process_group.local_indices(5) == range(5)
    assert process_group.average(IspCnn(8), {"loss": 0.5}) == {"loss": 0.5}
    assert process_group.any_rank(lambda: True) and process_group.broadcast(2.5) == 2.5


def test_a_batch_that_does_not_split_is_an_error(monkeypatch):
    monkeypatch.setattr(process_group, "count", lambda: 3)
    with pytest.raises(ConfigError, match="batch of 8 does not split evenly among 3"):
        process_group.local_indices(8)


def test_other_commands_are_refused_under_torchrun(monkeypatch, capsys):
    from davy_cli.main import main

    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(sys, "argv", ["davy", "train", "pair"])
    assert main() == 2
    assert "start this command without it" in capsys.readouterr().err
