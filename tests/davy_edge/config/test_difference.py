import pytest

from davy.site import CameraConfig
from davy_edge.config.difference import Difference

FACE = CameraConfig(source="mine://face")
OLD = {"face": FACE, "belt": CameraConfig(source="mine://conveyor")}


def changed(**changes) -> Difference:
    return Difference.between(OLD, {**OLD, "face": FACE.model_copy(update=changes)})


def test_the_same_configuration_changes_nothing():
    assert Difference.between(OLD, dict(OLD)) == Difference((), (), (), ())
    assert str(Difference.between(OLD, OLD)) == "nothing changes"


@pytest.mark.parametrize(
    "change",
    [
        {"strength": 0.5},
        {"brightness": 0.5},
        {"preset": "heading"},
        {"fps": 5},
        {"quality": 60},
        {"send_raw": False},
        {"label": "Face"},
    ],
)
def test_other_settings_leave_a_source_open(change):
    assert changed(**change) == Difference((), (), (), ("face",))


@pytest.mark.parametrize("change", [{"source": "mine://gallery"}, {"width": 640}, {"height": 360}, {"timeout_s": 2.0}])
def test_settings_of_a_source_reopen_its_camera(change):
    assert changed(**change) == Difference((), (), ("face",), ())


def test_a_camera_that_is_new_and_one_that_is_gone():
    difference = Difference.between(OLD, {"face": FACE, "shaft": FACE})
    assert difference == Difference(("shaft",), ("belt",), (), ())
    assert str(difference) == "added shaft; removed belt"
