"""Export the network as ONNX, for ONNX Runtime and other servers."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch

from davy.imaging.graph import INPUT, OUTPUTS
from davy.imaging.nets.ispcnn import THUMB_HEIGHT, THUMB_WIDTH, IspCnn

OPSET = 18


def export_onnx(net: IspCnn, path: Path, facts: Mapping[str, str] | None = None) -> None:
    """Write net as an ONNX graph from thumbnail (1, 4, 144, 192) to the outputs of davy.imaging.graph.

    Args:
        facts: Metadata of the file, such as the origin of the weights.
    """
    import onnx

    partial = path.with_suffix(".partial")
    model = onnx.ModelProto.FromString(_graph(net.width, net.detail))
    weights = {name: value.detach().cpu().numpy() for name, value in net.state_dict().items()}
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.CopyFrom(onnx.numpy_helper.from_array(weights.pop(tensor.name), tensor.name))
    assert not weights, f"the graph has no place for {', '.join(weights)}"
    onnx.helper.set_model_props(model, dict(facts or {}))
    onnx.save(model, str(partial))
    partial.replace(path)


@cache
def _graph(width: int, detail: int) -> bytes:
    """The ONNX file of a network of this size, with weights to be replaced: torch traces for seconds, once a size."""
    with torch.random.fork_rng(devices=[]):
        net = IspCnn(width, detail).eval()
        for parameter in net.parameters():  # no two alike: the exporter would store equal tensors once, under one name
            torch.nn.init.normal_(parameter)
    thumb = torch.full((1, 4, THUMB_HEIGHT, THUMB_WIDTH), 0.1)
    program = torch.onnx.export(
        net,
        (thumb,),
        input_names=[INPUT],
        output_names=[*OUTPUTS],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output):
        part.ClearField("metadata_props")  # the exporter's stack traces: paths of the machine that trained
    found: bytes = model.SerializeToString()
    return found
