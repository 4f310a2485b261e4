import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervision import Detections

from davy_bench.people.cases import PeopleCase, Truth
from davy_bench.people.measure import Findings, run

IMAGE = np.zeros((234, 416, 3), np.uint8)
TALL, SMALL = (10.0, 10.0, 40.0, 90.0), (200.0, 50.0, 206.0, 66.0)


def truth(box, visible=1.0):
    return Truth(box, box[3] - box[1], visible)


def found(*boxes, scores=None):
    chosen = np.array(scores if scores is not None else [0.9] * len(boxes), np.float32)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        confidence=chosen,
        class_id=np.zeros(len(boxes), np.int64),
        data={"class_name": np.array(["person"] * len(boxes), dtype=np.str_)},
    )


def curve(truths, detections, least_px=24.0):
    return Findings("raw", [(PeopleCase("a", "g", "k", {"raw": IMAGE}, truths), detections)]).curve(least_px)


def test_everybody_found_at_the_right_place_is_an_ap_of_one():
    result = curve([truth(TALL)], found(TALL))
    assert (result.ap50, result.recall_at(0.9), result.at_score(0.5), result.people) == (1.0, 1.0, (1.0, 1.0), 1)


def test_nobody_found_is_an_ap_of_zero():
    assert curve([truth(TALL)], found()).ap50 == 0
    assert curve([truth(TALL)], found((300, 10, 330, 90))).recall_at(0.9) == 0


@pytest.mark.parametrize("unwanted", [truth(SMALL), truth((200.0, 50, 230, 130), visible=0.1)])
def test_small_and_hidden_people_are_neither_wanted_nor_punished(unwanted):
    missed, seen = curve([truth(TALL), unwanted], found(TALL)), curve([truth(TALL), unwanted], found(TALL, unwanted.box))
    assert missed.ap50 == seen.ap50 == 1.0 and missed.people == 1


def test_a_false_alarm_with_a_lower_score_costs_precision_only_below_it():
    other = (300.0, 100, 330, 180)
    truths = [truth(TALL), truth((120.0, 10, 150, 90))]
    result = curve(truths, found(TALL, other, truths[1].box, scores=[0.9, 0.6, 0.5]))
    assert result.recall_at(0.9) == 0.5 and result.recall_at(0.6) == 1.0
    assert result.at_score(0.8) == (1.0, 0.5)


@given(st.lists(st.floats(0.05, 0.99), min_size=1, max_size=8))
def test_precision_never_rises_with_recall_and_lies_in_its_range(scores):
    boxes = [(40.0 * k, 10, 40.0 * k + 30, 90) for k in range(len(scores))]
    result = curve([truth(box) for box in boxes[::2]], found(*boxes, scores=scores))
    assert (np.diff(result.precision) <= 1e-9).all() and 0 <= result.ap50 <= 1


class Anybody:
    classes = ("person", "truck")

    def detect(self, image):
        both = found(TALL, SMALL)
        both.data["class_name"] = np.array(["person", "truck"], dtype=np.str_)
        return both


def test_only_people_count():
    (findings,), seen = run(Anybody(), [PeopleCase("a", "g", "k", {"raw": IMAGE}, [truth(TALL)])])
    assert len(findings.cases[0][1]) == 1 and len(seen) == 1
