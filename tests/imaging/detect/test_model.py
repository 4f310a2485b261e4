import numpy as np
import pytest
from onnx import TensorProto
from tests.fixtures import detectors

from davy.domain.errors import ConfigError, ModelError
from davy.imaging.detect import DetectorSpec, OnnxDetector, read_spec, shipped_detector

PICTURE = np.full((64, 128, 3), 90, np.uint8)


def yolo(path, side=64, kind=TensorProto.FLOAT):
    """A file of an ONNX network that takes a picture and always answers the same."""
    path.write_bytes(detectors.yolo(side=side, kind=kind))
    return path


def named(found):
    return [(str(name), round(float(score), 2)) for name, score in zip(found.data["class_name"], found.confidence, strict=True)]


@pytest.mark.parametrize("kind", [TensorProto.FLOAT, TensorProto.UINT8])
def test_overlaps_count_once_and_boxes_leave_the_letterbox(tmp_path, kind):
    detector = OnnxDetector(yolo(tmp_path / "y.onnx", kind=kind), DetectorSpec(classes=("worker", "hat")))
    found = detector.detect(PICTURE)  # half as large, 16 px of margin above and below
    assert sorted(named(found)) == [("hat", 0.9), ("worker", 0.7)]
    assert found.xyxy[named(found).index(("hat", 0.9))].tolist() == [40, 8, 80, 48]


def test_only_kept_classes_are_reported_and_unnamed_ones_get_numbers(tmp_path):
    path = yolo(tmp_path / "y.onnx")
    kept = OnnxDetector(path, DetectorSpec(classes=("worker", "hat"), keep=("hat",)))
    assert named(kept.detect(PICTURE)) == [("hat", 0.9)] and kept.classes == ("hat",)
    assert sorted(named(OnnxDetector(path, DetectorSpec()).detect(PICTURE))) == [("class-0", 0.7), ("class-1", 0.9)]


def test_a_file_that_is_no_model_is_named(tmp_path):
    (tmp_path / "broken.onnx").write_bytes(b"not a model")
    for name in ("broken.onnx", "missing.onnx"):
        with pytest.raises(ModelError, match=name):
            OnnxDetector(tmp_path / name, DetectorSpec())


def test_an_execution_provider_that_is_not_installed_is_named_with_those_that_are(tmp_path):
    with pytest.raises(ConfigError, match=r"tensorrt.*has cpu"):
        OnnxDetector(yolo(tmp_path / "y.onnx"), DetectorSpec(), ("tensorrt",))


def test_a_description_stands_beside_the_model_and_its_errors_name_the_setting(tmp_path):
    model = tmp_path / "mine.onnx"
    assert read_spec(model) == DetectorSpec()
    (tmp_path / "mine.yaml").write_text("head: detr\nclasses: coco\nkeep: [person]\n")
    assert read_spec(model).head == "detr" and len(read_spec(model).classes) == 80
    for wrong, named_as in (("head: frcnn", "head"), ("keep: [hat]", "keep"), ("[1", "cannot be read"), ("score: 2", "score")):
        (tmp_path / "mine.yaml").write_text(wrong)
        with pytest.raises(ConfigError, match=named_as):
            read_spec(model)


@pytest.mark.parametrize("shape", [(360, 640), (480, 640), (640, 360), (17, 900)])
def test_the_shipped_detector_takes_any_proportions_and_finds_nobody_in_noise(shape):
    noise = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    assert len(shipped_detector().detect(noise)) == 0
