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
    assert np.isfinite(found.grid_params).all() and np.isfinite(found.tone_curve).all()


def constant_graph(path, shapes):
    """A graph of zeros with these outputs."""
    graph = helper.make_graph(
        [helper.make_node("ConstantOfShape", [f"{name}_shape"], [name]) for name in shapes],
        "small",
        [helper.make_tensor_value_info("thumb", TensorProto.FLOAT, [1, 4, 144, 192])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes.items()],
        [helper.make_tensor(f"{name}_shape", TensorProto.INT64, [len(shape)], shape) for name, shape in shapes.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


GLOBAL, GRID, FINE = [1, 21], [1, 16, 12, 16], [1, 11, 72, 96]


@pytest.mark.parametrize("grid_params", [GRID, [1, 16, 6, 8], [1, 16, 9, 31]])
@pytest.mark.parametrize("fine", [None, FINE, [1, 11, 36, 48], [1, 11, 2, 2], [1, 11, 100, 7]])
@pytest.mark.parametrize("global_params", [[1, 19], GLOBAL])
def test_maps_have_the_resolution_that_the_graph_gives_them(tmp_path, global_params, grid_params, fine):
    shapes = {"global_params": global_params, "grid_params": grid_params} | ({} if fine is None else {"fine_params": fine})
    still = StillEnhancer(constant_graph(tmp_path / "x.onnx", shapes))
    found = still.network(np.zeros(still.network.thumb_shape, np.float32))
    assert found.grid_params.shape[1:] == tuple(grid_params[2:])
    assert fine is None or found.fine_params.shape == tuple(fine[1:])
    image = np.full((64, 80, 3), 60, np.uint8)
    assert np.abs(still.enhance(image).astype(int) - 60).max() <= 3, "zeros mean a veil of .007 and nothing else"


def test_output_names_of_older_models_are_read(tmp_path):
    old = {"whole": [1, 19], "cells": GRID, "fine": FINE}
    assert Network(constant_graph(tmp_path / "x.onnx", old)).thumb_shape == (4, 144, 192)
    with pytest.raises(ModelError, match="is no ISP-CNN"):
        Network(constant_graph(tmp_path / "y.onnx", {"cells": GRID, "whole": [1, 19]}))


@pytest.mark.parametrize(
    "changed",
    [
        {"global_params": [1, 18]},
        {"global_params": [1, 20]},
        {"grid_params": [1, 15, 12, 16]},
        {"grid_params": [1, 16, 1, 16]},
        {"grid_params": [1, 16, 12, 300]},
        {"fine_params": [1, 10, 72, 96]},
        {"fine_params": [1, 11, 72, 1]},
        {"fine_params": [1, 11, 72, 257]},
        {"fine_params": [1, 11, 72]},
    ],
    ids=str,
)
def test_another_layout_is_refused_before_a_kernel_reads_it(tmp_path, changed):
    shapes = {"global_params": GLOBAL, "grid_params": GRID, "fine_params": FINE} | changed
    with pytest.raises(ModelError, match="unsupported layout"):
        Network(constant_graph(tmp_path / "x.onnx", shapes))
