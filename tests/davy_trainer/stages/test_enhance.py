"""Stage 2 in small: tiny pictures, a randomly initialised CLIP."""

import itertools
import json

import pytest
import torch

from davy.domain.errors import TrainingError
from davy.imaging.clip import PromptPair
from davy.imaging.nets.checkpoint import load_checkpoint, save_net
from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.data.mixed_batches import make_mixed
from davy_trainer.data.photographs import load_groups
from davy_trainer.objectives.exposure_target import constant_target
from davy_trainer.runs.device import Device
from davy_trainer.runs.run import CHECKPOINT, begin_from, resume_training, stored_settings
from davy_trainer.runs.weights import load_weights
from davy_trainer.stages.enhance import FrozenTeachers, train
from davy_trainer.stages.loop import Outputs
from davy_trainer.stages.settings import EnhanceSettings

KNOWN = {"photographs": {}}


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def clip(random_clip):
    return random_clip


@pytest.fixture
def start(tmp_path):
    torch.manual_seed(0)
    save_net(tmp_path / "start.safetensors", IspCnn(8), {})
    return tmp_path / "start.safetensors"


@pytest.fixture
def stage(folder, settings, start):
    def make(**changes):
        words = {
            "low": (folder,),
            "device": "cpu",
            "initial_weights": start,
            "prompts": start,
            "replay": settings(),
            "steps": 4,
            "batch": 2,
            "views": 2,
        }
        words |= {"crop_width": 64, "crop_height": 32, "short_side": 96, "warmup_steps": 1, "device": "cpu", **changes}
        return EnhanceSettings.model_validate(words)

    return make


@pytest.fixture
def teachers(clip, start):
    with torch.no_grad():
        return FrozenTeachers(load_weights(start), constant_target(0.4), clip, PromptPair(clip)())


def begin(settings):
    return begin_from(load_weights(settings.initial_weights).train(), settings, "", settings.steps)


def go(run, teachers, groups, out, stop_at=None):
    out.mkdir(exist_ok=True)
    low = load_groups(run.settings.reading, lambda done, total: None)
    source = (make_mixed(low, groups, run.settings, index) for index in itertools.count(run.step))
    outputs = Outputs(out, KNOWN, lambda *_: None)
    train(run, teachers, source, (), outputs, Device.of(run.settings), lambda: run.step == stop_at)


@pytest.mark.system
def test_stopped_and_resumed_gives_the_same_bits_as_undisturbed(stage, teachers, groups, tmp_path):
    chosen = stage()
    go(begin(chosen), teachers, groups, tmp_path / "whole")
    go(begin(chosen), teachers, groups, tmp_path / "parts", stop_at=2)
    path = tmp_path / "parts" / CHECKPOINT
    kept, checkpoint = stored_settings(path, EnhanceSettings)
    assert kept == chosen and checkpoint.facts["step"] == 2
    go(resume_training(kept, checkpoint, KNOWN, path), teachers, groups, tmp_path / "parts")
    whole, parts = load_checkpoint(tmp_path / "whole" / CHECKPOINT), load_checkpoint(path)
    for name in ("weights", "ema", "optimizer"):
        ours, theirs = getattr(whole, name), getattr(parts, name)
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours), name


def logged(out):
    return json.loads((out / "log.jsonl").read_text().splitlines()[0])


@pytest.mark.system
def test_every_loss_is_logged_and_a_weight_of_zero_switches_one_off(stage, teachers, groups, tmp_path):
    chosen = stage(steps=1, log_every=1, sheet_every=1)
    go(begin(chosen), teachers, groups, tmp_path / "all")
    names = {"clip", "fidelity", "spatial", "exposure", "colour", "smooth", "distill", "replay"}
    assert {name for name in names if f"loss_{name}" in logged(tmp_path / "all")} == names
    assert (tmp_path / "all" / "sheets" / "000001-train.png").exists()
    go(begin(stage(steps=1, log_every=1, colour_weight=0, replay_weight=0)), teachers, groups, tmp_path / "fewer")
    gone = {name for name in names if f"loss_{name}" not in logged(tmp_path / "fewer")}
    assert gone == {"colour", "replay"}


@pytest.mark.system
def test_the_exposure_loss_alone_brightens_towards_its_target(stage, teachers, groups, folder, tmp_path):
    zero = dict.fromkeys(("clip", "fidelity", "spatial", "colour", "smooth", "distill", "replay"), 0)
    chosen = stage(steps=12, learning_rate=0.01, exposure_weight=1, **{f"{name}_weight": 0 for name in zero}, log_every=1)
    brighter = FrozenTeachers(teachers.initial, constant_target(0.8), None, None)
    go(begin(chosen), brighter, groups, tmp_path / "run")
    records = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert records[11]["loss_exposure"] < records[0]["loss_exposure"] * 0.5


def test_a_gradient_that_is_no_number_ends_the_run(stage, teachers, groups, tmp_path):
    run = begin(stage())
    run.net.stem.bias.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(TrainingError, match="step 0 has loss"):
        go(run, teachers, groups, tmp_path / "run")
