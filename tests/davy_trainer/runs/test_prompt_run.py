import pytest
import torch

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.clip import PromptConfig, PromptPair
from davy.imaging.nets.checkpoint import load_tensors, save_tensors
from davy_trainer.runs.prompt_run import CHECKPOINT, begin, resume, save, stored_settings
from davy_trainer.stages.settings import PairSettings

KNOWN = {"low": 1, "normal": 2}


@pytest.fixture
def clip(random_clip):
    return random_clip


@pytest.fixture
def chosen(tmp_path):
    return PairSettings(low=(tmp_path,), normal=(tmp_path,), tokens=2)


def run_of(clip, chosen):
    return begin(PromptPair(clip, PromptConfig(2)), chosen)


def step(run):
    run.optimizer.zero_grad()
    run.pair.context.square().sum().backward()
    run.optimizer.step()
    run.step += 1


def test_a_saved_run_takes_its_next_step_to_the_same_bits(clip, chosen, tmp_path):
    run = run_of(clip, chosen)
    step(run)
    save(run, chosen, KNOWN, tmp_path)
    again = run_of(clip, chosen)
    resume(again, KNOWN, tmp_path)
    step(run)
    step(again)
    assert again.step == run.step == 2 and torch.equal(again.pair.context, run.pair.context)
    assert stored_settings(tmp_path, PairSettings) == chosen


def test_other_pictures_are_an_error(clip, chosen, tmp_path):
    save(run_of(clip, chosen), chosen, KNOWN, tmp_path)
    with pytest.raises(ConfigError, match="pictures or weights have changed"):
        resume(run_of(clip, chosen), KNOWN | {"low": 3}, tmp_path)


def test_a_run__that_does_not_exist_is_an_error(chosen, tmp_path, clip):
    with pytest.raises(ConfigError, match="nothing to resume"):
        stored_settings(tmp_path, PairSettings)
    save(run_of(clip, chosen), chosen, KNOWN, tmp_path)
    tensors, facts = load_tensors(tmp_path / CHECKPOINT)
    save_tensors(tmp_path / CHECKPOINT, tensors, facts | {"settings": {"batch": 0}})
    with pytest.raises(ModelError, match="settings that this version does not know"):
        stored_settings(tmp_path, PairSettings)
