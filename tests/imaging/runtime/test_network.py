import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from davy.domain.errors import ModelError
from davy.imaging.runtime import StillEnhancer, shipped_model
from davy.imaging.runtime.network import MAX_MODEL_BYTES, Network


def identity_graph(path):
    """A legal ONNX model of something else."""
    shape = [1, 3, 8, 8]
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "other",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_a_missing_file_is_told_by_its_path(tmp_path):
    with pytest.raises(ModelError, match=r"none\.onnx.*cannot be read"):
        Network(tmp_path / "none.onnx")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(ModelError):
        Network(tmp_path)


@pytest.mark.parametrize("data", [b"", b"\x00", b"not a model at all" * 100, bytes(range(256)) * 40])
def test_garbage_is_refused(tmp_path, data):
    (tmp_path / "x.onnx").write_bytes(data)
    with pytest.raises(ModelError, match="is no ONNX model"):
        StillEnhancer(tmp_path / "x.onnx")


def test_a_truncated_model_is_refused(tmp_path):
    data = shipped_model().read_bytes()
    (tmp_path / "x.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError):
        Network(tmp_path / "x.onnx")


def test_a_huge_file_is_refused_unread(tmp_path):
    with (tmp_path / "x.onnx").open("wb") as file:
        file.truncate(MAX_MODEL_BYTES + 1)
    with pytest.raises(ModelError):
        Network(tmp_path / "x.onnx")


def test_a_model_of_something_else_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is no ISP-CNN"):
        Network(identity_graph(tmp_path / "x.onnx"))


def test_the_id_is_of_the_bytes(tmp_path):
    (tmp_path / "copy.onnx").write_bytes(shipped_model().read_bytes())
    assert Network(tmp_path / "copy.onnx").id == Network(shipped_model()).id
    assert Network(shipped_model()).id.startswith("ispcnn-")


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_thumbnails_give_finite_parameters(value):
    network = Network(shipped_model())
    found = network(np.full(network.thumb_shape, value, np.float32))
    assert np.isfinite(found.cells).all() and np.isfinite(found.knots).all()


def test_another_grid_is_refused_before_a_kernel_reads_it(tmp_path):
    """The kernels read 12 x 16 cells, wherever the memory ends."""
    zeros = [
        helper.make_node("ConstantOfShape", [name], [out]) for name, out in (("whole_shape", "whole"), ("cells_shape", "cells"))
    ]
    shapes = {"whole": [1, 19], "cells": [1, 16, 6, 8]}
    graph = helper.make_graph(
        zeros,
        "small",
        [helper.make_tensor_value_info("thumb", TensorProto.FLOAT, [1, 4, 144, 192])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(shape)], shape) for name, shape in shapes.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "x.onnx")
    with pytest.raises(ModelError, match="another layout"):
        Network(tmp_path / "x.onnx")
