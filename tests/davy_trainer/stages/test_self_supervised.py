import itertools
import json

import pytest
import torch

from davy.domain.errors import TrainingError
from davy.imaging.nets.checkpoint import load_checkpoint
from davy_trainer.data.synthetic import make_batch
from davy_trainer.evaluation.validation import load_validation
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import CHECKPOINT, begin, fingerprint, resume, settings_of
from davy_trainer.stages.loop import Outputs
from davy_trainer.stages.self_supervised import psnr_db, train


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def go(run, groups, out, stop_at=None, pairs=()):
    out.mkdir(exist_ok=True)
    source = (make_batch(groups, run.settings, index) for index in itertools.count(run.step))
    reported = []
    outputs = Outputs(out, {"photographs": fingerprint(groups)}, lambda step, total, values: reported.append(values))
    train(run, source, pairs, outputs, Device.of(run.settings), lambda: run.step == stop_at)
    return reported


@pytest.mark.system
def test_stopped_and_resumed_gives_the_same_bits_as_undisturbed(groups, settings, tmp_path):
    chosen = settings(steps=6)
    go(begin(chosen, ""), groups, tmp_path / "whole")
    go(begin(chosen, ""), groups, tmp_path / "parts", stop_at=3)
    path = tmp_path / "parts" / CHECKPOINT
    kept, checkpoint = settings_of(path)
    go(resume(kept, checkpoint, groups, path), groups, tmp_path / "parts")
    whole, parts = load_checkpoint(tmp_path / "whole" / CHECKPOINT), load_checkpoint(path)
    for name in ("weights", "ema", "optimizer"):
        ours, theirs = getattr(whole, name), getattr(parts, name)
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[key], theirs[key]) for key in ours), name


@pytest.mark.system
def test_forty_steps_lower_the_loss(groups, settings, tmp_path):
    # warm-up and all: the mean of the last ten against that of the first ten
    reported = go(begin(settings(steps=40, dark_share=1, mine_share=0), ""), groups, tmp_path / "run")
    losses = [values["loss"] for values in reported]
    assert sum(losses[-10:]) < sum(losses[:10]) * 0.85


def test_log_sheets_and_validation_are_written(groups, settings, tmp_path, pairs_folder):
    chosen = settings(steps=4, log_every=2, validate_every=2, sheet_every=4)
    go(begin(chosen, ""), groups, tmp_path / "run", pairs=load_validation(pairs_folder))
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [(r["step"], r["kind"]) for r in records] == [(2, "train"), (2, "validation"), (4, "train"), (4, "validation")]
    assert {"loss", "psnr_db", "learning_rate", "loss_ssim"} <= records[0].keys()
    sheets = sorted(path.name for path in (tmp_path / "run" / "sheets").iterdir())
    assert sheets == ["000002-validation.png", "000004-train.png", "000004-validation.png"]


def test_a_gradient_that_is_no_number_ends_the_run_and_keeps_the_checkpoint(groups, settings, tmp_path):
    run = begin(settings(), "")
    run.net.stem.bias.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(TrainingError, match=r"step 0 has loss .* and gradient nan"):
        go(run, groups, tmp_path / "run")
    assert not (tmp_path / "run" / CHECKPOINT).exists()


def test_psnr_of_a_tenth_is_twenty_decibels():
    assert psnr_db(torch.full((2, 3, 8, 8), 0.5), torch.full((2, 3, 8, 8), 0.4)) == pytest.approx(20, abs=0.01)
