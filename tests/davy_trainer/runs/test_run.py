from dataclasses import replace

import pytest
import torch

from davy.domain.errors import ConfigError, ModelError
from davy_trainer.runs.run import begin, fingerprint, resume, save, settings_of


@pytest.fixture
def run(settings):
    return begin(settings(steps=100, warmup_steps=10), "davy train self-supervised")


def test_the_rate_warms_up_then_falls_as_a_half_cosine(run):
    peak, end = run.settings.learning_rate, run.settings.final_rate
    rates = {}
    for step in (0, 4, 9, 10, 55, 99):
        run.step = step
        rates[step] = run.rate()
    assert rates[0] == pytest.approx(peak / 10) and rates[4] == pytest.approx(peak / 2) and rates[9] == pytest.approx(peak)
    assert rates[10] == pytest.approx(peak) and rates[55] == pytest.approx((peak + end) / 2)
    assert end < rates[99] < peak / 100


def test_minutes_become_steps_once_the_warm_up_is_over(settings):
    run = begin(settings(steps=None, minutes=1, warmup_steps=20), "")
    run.step, run.seconds = 19, 19.0
    run.plan_steps()
    assert run.total is None and not run.finished
    run.step, run.seconds = 20, 20.0
    run.plan_steps()
    assert run.total == 60  # 20 done in 20 s, 40 s left
    run.step, run.seconds = 30, 50.0  # slower now: the plan stays, as the schedule is a function of the step
    run.plan_steps()
    assert run.total == 60


def test_minutes_that_end_during_the_warm_up_end_the_run(settings):
    run = begin(settings(steps=None, minutes=0.1), "")
    run.step, run.seconds = 1, 7.0
    run.plan_steps()
    assert run.finished


@pytest.mark.system
def test_the_seed_decides_the_first_weights(settings):
    first, again, other = (begin(settings(seed=seed), "").net.stem.weight for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_average_follows_the_weights(run):
    with torch.no_grad():
        run.net.stem.bias.fill_(1.0)
        run.average.stem.bias.fill_(0.0)
    run.update_ema()
    assert run.average.stem.bias[0].item() == pytest.approx(run.settings.ema_early_step)
    run.step = run.settings.ema_early_steps
    run.average.stem.bias.data.fill_(0.0)
    run.update_ema()
    assert run.average.stem.bias[0].item() == pytest.approx(run.settings.ema_step)


def test_a_saved_run_comes_back(tmp_path, run, groups):
    run.step, run.total, run.seconds = 7, 77, 12.0
    save(run, groups, tmp_path / "c.safetensors")
    settings, checkpoint = settings_of(tmp_path / "c.safetensors")
    back = resume(settings, checkpoint, groups, tmp_path / "c.safetensors")
    assert (back.step, back.total, back.seconds, back.command) == (7, 77, 12.0, run.command)
    assert back.settings == run.settings
    assert torch.equal(back.net.stem.weight, run.net.stem.weight)


def test_nothing_to_resume_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match="nothing to resume"):
        settings_of(tmp_path / "c.safetensors")


def test_other_photographs_are_an_error(tmp_path, run, groups):
    save(run, groups, tmp_path / "c.safetensors")
    settings, checkpoint = settings_of(tmp_path / "c.safetensors")
    with pytest.raises(ConfigError, match="photographs have changed"):
        resume(settings, checkpoint, groups[:1], tmp_path / "c.safetensors")


def test_a_checkpoint_with_unknown_settings_is_an_error(tmp_path, run, groups):
    from davy.imaging.nets.checkpoint import load_checkpoint, save_checkpoint

    save(run, groups, tmp_path / "c.safetensors")
    loaded = load_checkpoint(tmp_path / "c.safetensors")
    loaded.facts["settings"]["batch"] = -1
    save_checkpoint(tmp_path / "c.safetensors", loaded)
    with pytest.raises(ModelError, match="settings"):
        settings_of(tmp_path / "c.safetensors")


def test_groups_of_one_name_in_two_folders_are_counted_together(groups):
    twice = [groups[0], replace(groups[1], name=groups[0].name)]
    assert fingerprint(twice)[groups[0].name]["count"] == 3


def test_a_checkpoint_without_a_fact_is_an_error(tmp_path, run, groups):
    from davy.imaging.nets.checkpoint import load_checkpoint, save_checkpoint

    save(run, groups, tmp_path / "c.safetensors")
    loaded = load_checkpoint(tmp_path / "c.safetensors")
    loaded.facts.pop("total")
    save_checkpoint(tmp_path / "c.safetensors", loaded)
    settings, checkpoint = settings_of(tmp_path / "c.safetensors")
    with pytest.raises(ModelError, match="not a checkpoint of this version"):
        resume(settings, checkpoint, groups, tmp_path / "c.safetensors")
