"""A bad model is the one it was made from, but for what is bad about it."""

import io

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from davy.imaging.runtime import StillEnhancer, shipped_model
from davy_demo.scenario.bad_models import BAD
from davy_demo.scenario.steps import ScenarioFailedError, desired_model

BRIGHT = np.random.default_rng(4).integers(120, 200, (96, 128, 3), np.uint8)
DARK = BRIGHT // 8


@pytest.fixture(scope="module")
def good():
    """A network that is not the shipped one: every bias of its is another."""
    model = onnx.load(str(shipped_model()))
    for constant in model.graph.initializer:
        if constant.name.endswith("bias"):
            constant.CopyFrom(numpy_helper.from_array(1.1 * numpy_helper.to_array(constant), constant.name))
    return bytes(model.SerializeToString())


def test_the_model_to_be_made_from_is_another_than_the_shipped_one(good):
    assert not np.array_equal(StillEnhancer(good).enhance(BRIGHT), StillEnhancer().enhance(BRIGHT))


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_model_equals_its_parent_outside_its_defect(kind, good):
    bad = BAD[kind](good)
    onnx.checker.check_model(onnx.load_model(io.BytesIO(bad)))
    assert np.array_equal(StillEnhancer(bad).enhance(BRIGHT), StillEnhancer(good).enhance(BRIGHT))


def test_black_is_black_in_the_dark(good):
    assert StillEnhancer(BAD["black"](good)).enhance(DARK).mean() < 0.2 * StillEnhancer(good).enhance(DARK).mean()


def edge(name, wave, model):
    return {"edge": name, "wave": wave, "desired_model": model}


def test_the_desired_model_is_that_of_the_canaries():
    assert desired_model({"id": "r", "edges": [edge("east", 0, "new"), edge("west", 1, "old")]}) == "new"


@pytest.mark.parametrize("edges", [[edge("east", 0, "")], [edge("east", 0, "a"), edge("north", 0, "b")]])
def test_canaries_without_a_common_model_are_an_error(edges):
    with pytest.raises(ScenarioFailedError, match="no common desired model of east"):
        desired_model({"id": "r", "edges": edges})
