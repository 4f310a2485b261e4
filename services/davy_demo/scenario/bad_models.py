"""Bad models with valid signatures, to test the gates of a rollout.

Each is made from the running model and differs from it only in its defect.
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from davy.imaging.graph import ALIASES, INPUT, OUTPUTS

OUTPUT = OUTPUTS[1]


def _rewired(
    good: bytes, change: dict[str, str], nodes: list[onnx.NodeProto], constants: Mapping[str, NDArray[np.float32]]
) -> bytes:
    """Append nodes to some outputs of a graph; change maps each output to its new inner name."""
    model = _with_current_names(onnx.load_model_from_string(good))
    for node in model.graph.node:
        for index, name in enumerate(node.output):
            node.output[index] = change.get(name, name)
        for index, name in enumerate(node.input):
            node.input[index] = change.get(name, name)
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def _with_current_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """Rename input and outputs of older models."""
    names = ALIASES | {model.graph.input[0].name: INPUT}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)
    return model


def _where(out: str, figure: str, comparison: str) -> list[onnx.NodeProto]:
    """Return nodes that compare a figure of the thumbnail with the constant "edge_": 1 if true, else 0."""
    return [
        helper.make_node(figure, [INPUT], ["figure_"], keepdims=0),
        helper.make_node(comparison, ["figure_", "edge_"], ["holds_"]),
        helper.make_node("Cast", ["holds_"], [out], to=TensorProto.FLOAT),
    ]


def black(good: bytes) -> bytes:
    """Minimise the gains of dark images, so that they turn black."""
    nodes = [
        *_where("dark_", "ReduceMean", "Less"),
        helper.make_node("Mul", ["dark_", "down_"], ["shift_"]),
        helper.make_node("Add", ["grid_", "shift_"], [OUTPUT]),
    ]
    down = np.zeros((1, 16, 1, 1), np.float32)
    down[0, :8] = -60
    return _rewired(good, {OUTPUT: "grid_"}, nodes, {"edge_": np.full((), 0.2, np.float32), "down_": down})


def nan(good: bytes) -> bytes:
    """Return NaN for images with a clipped lamp; no golden vector has one."""
    nodes = [
        *_where("lamp_", "ReduceMax", "Greater"),
        helper.make_node("Neg", ["lamp_"], ["minus_"]),
        helper.make_node("Sqrt", ["minus_"], ["root_"]),
        helper.make_node("Add", ["grid_", "root_"], [OUTPUT]),
    ]
    return _rewired(good, {OUTPUT: "grid_"}, nodes, {"edge_": np.full((), 0.95, np.float32)})


def slow(good: bytes) -> bytes:
    """Add the product of large matrices, times zero, to the output."""
    size = 900
    nodes = [helper.make_node("ReduceMean", [INPUT], ["mean_"], keepdims=0)]
    nodes += [helper.make_node("Mul", ["matrix_", "mean_"], ["product0_"])]
    nodes += [helper.make_node("MatMul", [f"product{i}_", "matrix_"], [f"product{i + 1}_"]) for i in range(4)]
    nodes += [
        helper.make_node("ReduceMean", ["product4_"], ["sum_"], keepdims=0),
        helper.make_node("Mul", ["sum_", "zero_"], ["nothing_"]),
        helper.make_node("Add", ["grid_", "nothing_"], [OUTPUT]),
    ]
    matrix = np.full((size, size), 1 / size, np.float32)
    return _rewired(good, {OUTPUT: "grid_"}, nodes, {"matrix_": matrix, "zero_": np.zeros((), np.float32)})


BAD: Mapping[str, Callable[[bytes], bytes]] = {"black": black, "nan": nan, "slow": slow}
CAUGHT_BY: Mapping[str, str] = {"black": "gate:black", "nan": "gate:errors", "slow": "gate:slow"}
