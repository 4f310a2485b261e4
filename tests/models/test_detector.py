"""Detectors as the second kind of model."""

from datetime import timedelta

import pytest
from tests.fixtures.candidates import candidate
from tests.fixtures.detectors import FOUND, SPEC, detector_candidate, detector_package, yolo
from tests.fixtures.packages import good_package, signing_key, trust

from davy.adapters.storage.model_registry import ModelRegistry
from davy.domain.errors import ModelRefusedError
from davy.models import ModelKind, open_package
from davy.models.archive import zip_exact
from davy.models.detector import check_runs, describe_detector, load_detector
from davy.models.detector_gates import DetectorMeasurements
from davy.models.gates import Gates
from davy.models.package import MANIFEST, ONNX, sign


def test_a_detector_is_a_kind_of_its_own_and_a_manifest_without_one_is_an_enhancers():
    package = open_package(detector_package("a").data, trust(), None)
    assert (package.manifest.kind, package.manifest.frame_id[:9]) == (ModelKind.DETECTOR, "detector-")
    assert "kind" not in package.manifest.to_bytes().decode()  # the ids of older models stay as they are
    assert (candidate().manifest.kind, candidate().manifest.frame_id[:7]) == (ModelKind.ENHANCER, "ispcnn-")
    check_runs(package.manifest, package.files)


def test_each_kind_is_refused_in_the_place_of_the_other():
    with pytest.raises(ModelRefusedError, match=r"detector/1 is not ispcnn/1"):
        detector_candidate("a").load()
    with pytest.raises(ModelRefusedError, match=r"ispcnn/1 is not detector/1"):
        load_detector(candidate().manifest, candidate().files)


def test_a_detector_that_answers_differently_here_is_refused():
    manifest, files = describe_detector(yolo(), SPEC, "# card")
    other = {**files, ONNX: yolo(((30, 30, 60, 60, 0.9, 0.1), *FOUND))}
    with pytest.raises(ModelRefusedError, match="differs by") as refused:
        check_runs(manifest, other)
    assert refused.value.cause == "golden"


def test_a_detector_without_its_description_is_refused():
    manifest, files = describe_detector(yolo(), SPEC, "# card")
    package = sign(manifest, {name: data for name, data in files.items() if name != "detector.yaml"}, signing_key())
    with pytest.raises(ModelRefusedError, match=r"detector.yaml is missing"):
        open_package(package.data, trust(), None)
    with pytest.raises(ModelRefusedError, match="none of the classes"):
        describe_detector(yolo(), b"classes: [worker, hat]\nkeep: [person]\n", "# card")


def test_a_foreign_file_stays_unexpected_in_both_kinds():
    with_spec = {**good_package().files, "detector.yaml": SPEC}
    with pytest.raises(ModelRefusedError, match=r"detector.yaml is not in the manifest"):
        open_package(zip_exact(with_spec), trust(), None)
    assert MANIFEST in with_spec


def test_the_rule_keeps_the_newest_of_each_kind(tmp_path):
    registry = ModelRegistry(str(tmp_path), trust())
    for package in (good_package(), detector_package("a"), detector_package("b"), detector_package("c")):
        registry.add(package.data, run=False)
    registry.retire(1, timedelta(0))
    assert sorted(entry.kind for entry in registry.entries()) == ["detector", "enhancer"]


def test_a_detector_that_misses_invents_or_is_slow_fails_its_gate():
    def failed(**figures):
        return [
            cause
            for cause, _ in DetectorMeasurements(**{"old_s": [0.02] * 30, "new_s": [0.02] * 30} | figures).failed_gates(Gates())
        ]

    assert failed(objects=60, found=58, extra=10) == []
    assert failed(objects=60, found=20) == ["misses"]
    assert failed(objects=6, found=0) == []  # too few to say anything
    assert failed(objects=60, found=60, extra=90) == ["invents"]
    assert failed(objects=60, found=60, new_s=[0.05] * 30) == ["slow"]
    assert failed(errors=1) == ["errors"]
