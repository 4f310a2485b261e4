import pytest
import torch

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.nets.checkpoint import save_net
from davy_trainer.runs.run import CHECKPOINT, begin, save
from davy_trainer.runs.weights import load_weights, prompts_file, weights_file


def test_a_folder_a_checkpoint_and_an_exported_file_all_do(settings, groups, tmp_path):
    run = begin(settings(), "")
    with torch.no_grad():
        run.average.stem.bias.fill_(0.25)  # the averaged weights are what a run is for
    save(run, groups, tmp_path / CHECKPOINT)
    save_net(tmp_path / "exported.safetensors", run.net, {})
    assert load_weights(tmp_path).stem.bias[0] == 0.25
    assert load_weights(tmp_path / CHECKPOINT).stem.bias[0] == 0.25
    assert torch.equal(load_weights(tmp_path / "exported.safetensors").stem.bias, run.net.stem.bias)


def test_no_weights_are_an_error(tmp_path):
    with pytest.raises(ConfigError, match="holds no weights"):
        weights_file(tmp_path)
    (tmp_path / "broken").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tmp_path / "broken")


def test_no_prompts_are_an_error(tmp_path):
    with pytest.raises(ModelError, match="davy train pair"):
        prompts_file(tmp_path)
