import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from davy.imaging.graph import INPUT, OUTPUTS
from davy.imaging.nets.export import export_onnx
from davy.imaging.nets.ispcnn import THUMB_HEIGHT, THUMB_WIDTH, IspCnn


# of torch's own exporter: it warns about itself
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("seed", [0, 1])  # the second has the graph of the first
@pytest.mark.system
def test_onnx_runtime_computes_what_torch_does(seed, tmp_path):
    torch.manual_seed(seed)
    net = IspCnn(width=16).eval()
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    export_onnx(net, tmp_path / "n.onnx", {"seed": "0"})
    thumb = np.random.default_rng(1).random((1, 4, THUMB_HEIGHT, THUMB_WIDTH), np.float32)
    session = onnxruntime.InferenceSession(tmp_path / "n.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = net(torch.from_numpy(thumb))
    for ours, theirs in zip(session.run([*OUTPUTS], {INPUT: thumb}), expected, strict=True):
        assert np.abs(ours - theirs.numpy()).max() < 1e-3 * max(1, theirs.abs().max().item())
    assert [(p.key, p.value) for p in onnx.load(tmp_path / "n.onnx").metadata_props] == [("seed", "0")]
    assert [p.name for p in tmp_path.iterdir()] == ["n.onnx"]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # as above
@pytest.mark.system
def test_the_file_tells_no_path_of_the_machine_that_made_it(tmp_path):
    export_onnx(IspCnn(8), tmp_path / "net.onnx")
    assert b"site-packages" not in (tmp_path / "net.onnx").read_bytes()


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # as above
@pytest.mark.system
def test_layers_with_equal_weights_stay_apart_and_chance_goes_on_where_it_was(tmp_path):
    net = IspCnn(8).eval()
    for parameter in net.parameters():
        torch.nn.init.zeros_(parameter)
    before = torch.random.get_rng_state()
    export_onnx(net, tmp_path / "net.onnx")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert {tensor.name for tensor in onnx.load(tmp_path / "net.onnx").graph.initializer} >= net.state_dict().keys()
