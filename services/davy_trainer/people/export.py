"""Export the detector to ONNX, with its weights in half precision: the file is half as large, the arithmetic stays float32."""

from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper
from torch import Tensor, nn

from davy.domain.errors import ModelError
from davy.imaging.onnx import onnxruntime
from davy_trainer.people.net import CLASSES, NanoDet

TOLERANCE = 0.02  # of scores in [0, 1], by half precision
SIZES = ((256, 416), (416, 416), (320, 416))  # height, width of the check
HALF_FROM = 256  # smaller constants stay as they are


class Exported(nn.Module):
    """The network with scores instead of logits, as NanoDet's own export has it."""

    def __init__(self, net: NanoDet) -> None:
        super().__init__()
        self.net = net

    def forward(self, image: Tensor) -> Tensor:
        output = self.net(image)
        return torch.cat([output[..., :CLASSES].sigmoid(), output[..., CLASSES:]], dim=-1)


def export(net: NanoDet, target: Path) -> float:
    """Write the ONNX file.

    Args:
        net: Trained weights.
        target: The file; input `image` (B, 3, H, W) with sides that are multiples of 32, output `cells` (B, N, 80 + 44).

    Returns:
        The largest difference to the network on noise.

    Raises:
        ModelError: the difference is above TOLERANCE.
    """
    module = Exported(net.eval()).eval()
    rows, columns = torch.export.Dim("rows", min=2, max=64), torch.export.Dim("columns", min=2, max=64)
    program = torch.onnx.export(
        module,
        (torch.zeros(2, 3, 256, 416),),
        dynamo=True,
        input_names=["image"],
        output_names=["cells"],
        dynamic_shapes={"image": {0: torch.export.Dim("pictures", min=1, max=64), 2: 32 * rows, 3: 32 * columns}},
        verbose=False,
    )
    assert program is not None
    model = program.model_proto
    _halve(model)
    onnx.checker.check_model(model)
    target.write_bytes(model.SerializeToString())
    difference = _difference(module, target)
    if difference > TOLERANCE:
        raise ModelError(str(target), f"differs from the network by {difference:.3f}")
    return difference


def read_onnx_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of an exported file, as float32 by the names of the network's parameters.

    Raises:
        ModelError: the file is no ONNX model.
    """
    try:
        graph = onnx.load_model_from_string(path.read_bytes()).graph
    except (OSError, ValueError, DecodeError) as error:
        raise ModelError(str(path), f"cannot be read: {error}") from error
    values = {each.name.removesuffix("/half"): numpy_helper.to_array(each) for each in graph.initializer}
    named = {name.removeprefix("net."): value for name, value in values.items() if name.startswith("net.")}
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in named.items()}


def _halve(model: onnx.ModelProto) -> None:
    """Store large weights as float16 and cast them; ONNX Runtime does so once, when it loads the file."""
    graph = model.graph
    casts = []
    for each in list(graph.initializer):
        if each.data_type != onnx.TensorProto.FLOAT or np.prod(each.dims) < HALF_FROM:
            continue
        values = numpy_helper.to_array(each).astype(np.float16)
        graph.initializer.remove(each)
        graph.initializer.append(numpy_helper.from_array(values, f"{each.name}/half"))
        casts.append(helper.make_node("Cast", [f"{each.name}/half"], [each.name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        graph.node.insert(0, node)


def _difference(module: nn.Module, path: Path) -> float:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    worst = 0.0
    for height, width in SIZES:
        image = rng.normal(0, 1, (1, 3, height, width)).astype(np.float32)
        (found,) = session.run(None, {"image": image})
        with torch.no_grad():
            wanted = module(torch.from_numpy(image)).numpy()
        worst = max(worst, float(np.abs(found[..., :CLASSES] - wanted[..., :CLASSES]).max()))
    return worst
