import pytest
import torch

from davy.domain.errors import ConfigError
from davy_trainer.runs.run import begin
from davy_trainer.stages.loop import Forward, Outputs, Periodic, run_loop, total_loss


def run(settings, out, read_every=1, values=dict, periodic=(), **changes):
    """Three steps on the mean square of the weights; returns what was reported."""
    training, reported = begin(settings(**changes), ""), []

    def forward():
        weights = torch.cat([parameter.flatten() for parameter in training.net.parameters()])
        return Forward({"square": weights.square().mean()}, values)

    outputs = Outputs(out, {}, lambda step, total, seen: reported.append((step, total, dict(seen))))
    run_loop(training, forward, outputs, periodic, lambda: False, read_every)
    return reported


def test_every_step_is_reported_with_the_newest_values(settings, tmp_path):
    reported = run(settings, tmp_path, values=lambda: {"psnr_db": 20.0})
    assert [step for step, _, _ in reported] == [1, 2, 3]
    assert all(seen.keys() == {"loss", "psnr_db", "learning_rate"} for _, _, seen in reported)


def test_values_are_read_only_at_the_steps_that_ask_for_them(settings, tmp_path):
    read = []
    reported = run(settings, tmp_path, read_every=2, values=lambda: read.append(1) or {})
    assert len(read) == 2
    losses = [seen["loss"] for _, _, seen in reported]
    assert losses[0] == losses[1] != losses[2]


def test_an_action_runs_at_its_steps_and_after_the_last(settings, tmp_path):
    acted = []
    run(settings, tmp_path, periodic=[Periodic("sheet", 2, lambda _: acted.append(1) or {})])
    assert len(acted) == 2


def test_a_run_whose_losses_are_all_off_is_refused():
    with pytest.raises(ConfigError, match="every loss has weight 0"):
        total_loss({})
