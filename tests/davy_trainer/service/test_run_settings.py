import subprocess
import sys

import pytest

from davy.domain.errors import InvalidInputError
from davy_trainer.service.run_settings import set_arguments, validate_overrides


def test_a_requests_overrides_lie_over_the_services_stage_by_stage(settings):
    service = settings(overrides={"retrain": {"rounds": 3, "enhance": {"steps": 100, "batch": 2}}})
    found = validate_overrides(service, "retrain", {"enhance": {"steps": 7}})
    assert (found["rounds"], found["enhance"]) == (3, {"steps": 7, "batch": 2})
    assert found["threads"] == len(service.cores)


@pytest.mark.parametrize(
    ("kind", "overrides", "text"),
    [
        ("prompts", {"stepz": 3}, "stepz"),
        ("prompts", {"steps": 0}, "steps"),
        ("prompts", {"low": ["/etc"]}, "low: the service sets"),
        ("retrain", {"rounds": 0}, "rounds"),
        ("retrain", {"enhance": {"colour_weight": -1}}, "enhance.colour_weight"),
        ("retrain", {"pair": {"nosuch": 1}}, "pair.nosuch"),
        ("retrain", {"refine": {"grid": "x"}}, "refine.grid"),
        ("retrain", {"self_supervised": {"width": 0}}, "self_supervised.width"),
        ("adapt", {"steps": 0}, "drifted"),
    ],
)
def test_overrides_are_validated_completely_before_the_start(settings, kind, overrides, text):
    with pytest.raises(InvalidInputError, match=text):
        validate_overrides(settings(), kind, overrides)


def test_adapt_takes_cameras_by_edge_and_name(settings):
    assert validate_overrides(settings(), "adapt", {"steps": 9}, ["north.face"])["steps"] == 9
    for drifted, overrides, text in ((["face"], {}, "EDGE.CAMERA"), (["north.face"], {"steps": 0}, "steps")):
        with pytest.raises(InvalidInputError, match=text):
            validate_overrides(settings(), "adapt", overrides, drifted)


def test_overrides_become_arguments_of_the_commands():
    arguments = set_arguments({"rounds": 1, "clip": "davy", "enhance": {"steps": 3}})
    assert arguments == ["--set", "rounds=1", "--set", 'clip="davy"', "--set", "enhance.steps=3"]


@pytest.mark.system
def test_the_service_needs_no_torch():
    code = "import sys, davy_trainer.service.app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
