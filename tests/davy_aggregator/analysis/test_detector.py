import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from davy.domain.errors import ModelError
from davy_aggregator.analysis.base import Picture
from davy_aggregator.analysis.detector import Detector, DetectorModel

# Two boxes of class 1 that overlap, one of class 0 elsewhere, one below every threshold: cx, cy, w, h, two class scores.
FOUND = np.array(
    [[30, 30, 20, 20, 0.1, 0.9], [31, 30, 20, 20, 0.1, 0.8], [10, 50, 8, 8, 0.7, 0.0], [50, 10, 8, 8, 0.2, 0.1]], np.float32
)
PICTURE = Picture(np.full((36, 64, 3), 90, np.uint8), 0)


def model(path, output, side=64):
    """An ONNX file that takes a picture and always answers the same."""
    taken = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])
    given = helper.make_tensor_value_info("output0", TensorProto.FLOAT, list(output.shape))
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "none"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output0"]),
    ]
    constants = [numpy_helper.from_array(output, "answer"), numpy_helper.from_array(np.float32(0), "none")]
    graph = helper.make_graph(nodes, "g", [taken], [given], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def yolo_v8():
    boxes = np.zeros((6, 40), np.float32)  # more columns than rows, as any real export has
    boxes[:, :4] = FOUND.T
    return boxes[None]


def yolo_v5():
    rows = np.zeros((40, 7), np.float32)
    rows[:4] = np.concatenate([FOUND[:, :4], np.ones((4, 1)), FOUND[:, 4:]], 1)
    return rows[None]


@pytest.mark.parametrize("output", [yolo_v8(), yolo_v5()])
def test_both_forms_of_yolo_are_read_and_overlaps_count_once(tmp_path, output):
    labels = tmp_path / "labels.txt"
    labels.write_text("Hard Hat\nWorker\n")
    detector = DetectorModel(model(tmp_path / "yolo.onnx", output), labels, 0.4)
    assert [(label, round(score, 2)) for label, score in detector.detect(PICTURE)] == [("worker", 0.9), ("hard-hat", 0.7)]


def test_a_detected_label_is_observed_from_then_on(tmp_path):
    made = Detector(DetectorModel(model(tmp_path / "yolo.onnx", yolo_v8()), None, 0.4), 1.0)
    observed = {each.kind: (each.active, each.figures["count"]) for each in made.analyse(PICTURE)}
    assert observed == {"detected-class-0": (True, 1), "detected-class-1": (True, 1)}


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    for name in ("broken.onnx", "missing.onnx"):
        with pytest.raises(ModelError, match=name):
            DetectorModel(tmp_path / name, None, 0.4)


def test_an_output_of_another_form_is_refused(tmp_path):
    made = DetectorModel(model(tmp_path / "flat.onnx", np.zeros((1, 10), np.float32)), None, 0.4)
    with pytest.raises(ModelError, match="output is"):
        made.detect(PICTURE)
