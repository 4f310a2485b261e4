"""The architecture of Zero-DCE++ as an ONNX graph with random weights, which do not affect the speed."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

CHANNELS = 32
REDUCED = 12  # the network's input has a twelfth of each side
ITERATIONS = 8
WEIGHT_STD = 0.02  # initial value of the published code
OPSET = 18


@dataclass(slots=True)
class _Graph:
    """A graph under construction; each method returns the name of its result."""

    random: np.random.Generator
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def add(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[np.generic]) -> str:
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.asarray(value, np.float32))

    def resize(self, image: str, channels: int, size: tuple[int, int], mode: str) -> str:
        sizes = self.constant(np.asarray([1, channels, *size], np.int64))
        return self.add("Resize", image, "", "", sizes, mode="linear", coordinate_transformation_mode=mode)

    def convolve(self, image: str, inputs: int, outputs: int) -> str:
        """Convolve 3 x 3 per channel, then 1 x 1 across channels."""
        depth = self._weights(inputs, 1, 3, 3), self._weights(inputs)
        point = self._weights(outputs, inputs, 1, 1), self._weights(outputs)
        image = self.add("Conv", image, *depth, kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=inputs)
        return self.add("Conv", image, *point, kernel_shape=[1, 1])

    def _weights(self, *shape: int) -> str:
        return self.constant(self.random.normal(0, WEIGHT_STD, shape).astype(np.float32))


def zero_dce_graph(shape: tuple[int, int], seed: int = 0) -> bytes:
    """Build an ONNX model for pictures of shape (height, width): "image", BGR (H, W, 3), uint8, to the same.

    Seven depthwise-separable layers of 32 channels, with skip connections from the first three to the last three, compute a
    curve map of three channels at a twelfth of each side. It is upsampled and applied eight times: x + map * (x * x - x).
    The network has 10,561 weights.

    Source: Li, Guo, Loy 2021, "Learning to enhance low-light image via zero-reference deep curve estimation", and the
    published code, Zero-DCE++/model.py (scale factor 12).
    """
    height, width = shape
    graph = _Graph(np.random.default_rng(seed))
    x = graph.add("Unsqueeze", "image", graph.constant(np.asarray([0], np.int64)))
    x = graph.add("Cast", graph.add("Transpose", x, perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    x = graph.add("Mul", x, graph.number(1 / 255))
    curve = _curve(graph, graph.resize(x, 3, (max(height // REDUCED, 1), max(width // REDUCED, 1)), "half_pixel"))
    curve = graph.resize(curve, 3, shape, "align_corners")
    for _ in range(ITERATIONS):
        x = graph.add("Add", x, graph.add("Mul", curve, graph.add("Sub", graph.add("Mul", x, x), x)))
    x = graph.add("Clip", graph.add("Mul", x, graph.number(255)), graph.number(0), graph.number(255))
    x = graph.add("Transpose", graph.add("Cast", x, to=TensorProto.UINT8), perm=[0, 2, 3, 1])
    out = graph.add("Squeeze", x, graph.constant(np.asarray([0], np.int64)))
    return bytes(_model(graph, out, shape).SerializeToString())


def _curve(graph: _Graph, small: str) -> str:
    def layer(image: str, inputs: int) -> str:
        return graph.add("Relu", graph.convolve(image, inputs, CHANNELS))

    def concatenate(one: str, other: str) -> str:
        return graph.add("Concat", one, other, axis=1)

    first = layer(small, 3)
    second = layer(first, CHANNELS)
    third = layer(second, CHANNELS)
    fourth = layer(third, CHANNELS)
    fifth = layer(concatenate(third, fourth), 2 * CHANNELS)
    sixth = layer(concatenate(second, fifth), 2 * CHANNELS)
    return graph.add("Tanh", graph.convolve(concatenate(first, sixth), 2 * CHANNELS, 3))


def _model(graph: _Graph, out: str, shape: tuple[int, int]) -> ModelProto:
    tensors = [helper.make_tensor_value_info(name, TensorProto.UINT8, [*shape, 3]) for name in ("image", out)]
    body = helper.make_graph(graph.nodes, "zero-dce++", tensors[:1], tensors[1:], graph.constants)
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    checker.check_model(model)
    return model
