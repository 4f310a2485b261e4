import pickle
import shutil

import pytest
import torch

from davy.domain.errors import ModelError
from davy.imaging.isp.pipeline import COLOUR_TONE_SIZE
from davy.imaging.nets.checkpoint import (
    ALIASES,
    Checkpoint,
    load_checkpoint,
    load_net,
    optimizer_tensors,
    restore_optimizer,
    save_checkpoint,
    save_net,
    save_tensors,
)
from davy.imaging.nets.ispcnn import THUMB_HEIGHT, THUMB_WIDTH, IspCnn


@pytest.fixture
def net():
    torch.manual_seed(0)
    return IspCnn(width=8)


def one_step(net, optimizer):
    loss = torch.stack([p.square().sum() for p in net.parameters()]).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def test_a_checkpoint_comes_back_as_it_was(tmp_path, net):
    weights = dict(net.state_dict())
    save_checkpoint(tmp_path / "c.safetensors", Checkpoint(weights, weights, {"a/step": torch.tensor(3.0)}, {"step": 3}))
    back = load_checkpoint(tmp_path / "c.safetensors")
    assert back.facts == {"step": 3}
    assert back.optimizer["a/step"].shape == ()
    assert all(torch.equal(back.ema[name], tensor) for name, tensor in weights.items())


@pytest.mark.system  # the first step of an optimizer imports a compiler
def test_the_optimizer_goes_on_to_the_same_bits(net):
    twin = IspCnn(width=8)
    first = torch.optim.AdamW(net.parameters(), lr=1e-2)
    one_step(net, first)
    twin.load_state_dict(net.state_dict())
    second = torch.optim.AdamW(twin.parameters(), lr=1e-2)
    restore_optimizer(second, twin, optimizer_tensors(first, net))
    one_step(net, first)
    one_step(twin, second)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), twin.parameters(), strict=True))


def test_a_network_and_its_facts_come_back(tmp_path, net):
    save_net(tmp_path / "n.safetensors", net, {"seed": 1})
    back, facts = load_net(tmp_path / "n.safetensors")
    assert facts == {"seed": 1, "width": 8, "detail": 32}
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), back.parameters(), strict=True))


def test_weights_of_a_network_without_a_fine_decoder_give_the_same_outputs_and_a_fine_map_of_zeros(tmp_path, net):
    old = {name: tensor for name, tensor in net.state_dict().items() if not name.startswith(("fine.", "noise_head."))}
    save_tensors(tmp_path / "n.safetensors", old, {"width": 8})
    first, second = (load_net(tmp_path / "n.safetensors")[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    thumb = torch.rand(1, 4, THUMB_HEIGHT, THUMB_WIDTH, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        ours, theirs = first(thumb), net(thumb)
    assert all(torch.equal(a, b) for a, b in zip(ours[:2], theirs[:2], strict=True))
    assert not ours[2].any() and not ours[0][:, COLOUR_TONE_SIZE:].any()


def test_a_part_of_a_fine_decoder_is_a_model_error(tmp_path, net):
    tensors = dict(net.state_dict())
    del tensors["fine.head.bias"]
    save_tensors(tmp_path / "n.safetensors", tensors, {"width": 8})
    with pytest.raises(ModelError, match="no ISP-CNN"):
        load_net(tmp_path / "n.safetensors")


def test_no_partial_file_stays_and_the_old_one_is_replaced(tmp_path, net):
    path = tmp_path / "n.safetensors"
    path.write_bytes(b"old")
    save_net(path, net, {})
    assert [p.name for p in tmp_path.iterdir()] == ["n.safetensors"]
    load_net(path)


def test_a_missing_file_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        load_net(tmp_path / "none.safetensors")


def test_garbage_is_a_model_error(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 1000)
    with pytest.raises(ModelError, match="cannot be read"):
        load_checkpoint(tmp_path / "x.safetensors")


def test_a_truncated_file_is_a_model_error(tmp_path, net):
    path = tmp_path / "n.safetensors"
    save_net(path, net, {})
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError):
        load_net(path)


def test_a_pickle_is_never_opened(tmp_path):
    class Bomb:
        def __reduce__(self):
            return shutil.rmtree, (str(tmp_path),)

    (tmp_path / "x.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(ModelError):
        load_checkpoint(tmp_path / "x.safetensors")
    assert tmp_path.exists()


def test_weights_of_another_width_are_a_model_error(tmp_path, net):
    save_tensors(tmp_path / "n.safetensors", dict(net.state_dict()), {"width": 16})
    with pytest.raises(ModelError, match="no ISP-CNN"):
        load_net(tmp_path / "n.safetensors")


def test_shipped_weights_are_no_training_checkpoint(tmp_path, net):
    save_net(tmp_path / "n.safetensors", net, {})
    with pytest.raises(ModelError, match="no checkpoint of a training run"):
        load_checkpoint(tmp_path / "n.safetensors")


def test_a_file_of_others_is_a_model_error(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "n.safetensors")
    with pytest.raises(ModelError, match="not written by Davy"):
        load_net(tmp_path / "n.safetensors")


def test_parameter_names_of_older_checkpoints_are_read(tmp_path, net):
    optimizer = torch.optim.AdamW(net.parameters())
    one_step(net, optimizer)
    current = {"weights": dict(net.state_dict()), "ema": dict(net.state_dict()), "optimizer": optimizer_tensors(optimizer, net)}
    old_names = {new: old for old, new in ALIASES.items()}
    old = {}
    for part, group in current.items():
        for name, tensor in group.items():
            module, _, rest = name.partition(".")
            old[f"{part}.{old_names.get(module, module)}.{rest}"] = tensor
    save_tensors(tmp_path / "old.safetensors", old, {"step": 1})
    found = load_checkpoint(tmp_path / "old.safetensors")
    assert all(torch.equal(found.weights[name], tensor) for name, tensor in current["weights"].items())
    assert found.ema.keys() == current["ema"].keys() and found.optimizer.keys() == current["optimizer"].keys()
