import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from davy.domain.errors import InvalidInputError
from davy.imaging.detect.heads import cell_centres, decode
from davy.imaging.detect.spec import DetectorSpec

SIZE = (64, 96)  # height, width
BOX = (10.0, 20.0, 30.0, 60.0)
CENTRE = (20.0, 40.0, 20.0, 40.0)


def spec(head, **more):
    return DetectorSpec(head=head, classes=("person", "truck"), score=0.3, **more)


def yolo_v8():
    rows = np.zeros((6, 40), np.float32)
    rows[:, 3] = (*CENTRE, 0.1, 0.9)
    return {"output0": rows[None]}, spec("yolo")


def yolo_v5():
    rows = np.zeros((40, 7), np.float32)
    rows[3] = (*CENTRE, 0.9, 0.1, 1.0)
    return {"output0": rows[None]}, spec("yolo")


def tensorflow_ssd():
    boxes = np.array([[[20 / 64, 10 / 96, 60 / 64, 30 / 96], [0, 0, 1, 1]]], np.float32)
    outputs = {
        "detection_boxes": boxes,
        "detection_classes": np.array([[2.0, 1.0]]),
        "detection_scores": np.array([[0.9, 0.1]]),
    }
    return outputs, spec("ssd", yxyx=True, relative=True, first_label=1)


def torchvision_ssd():
    outputs = {"boxes": np.array([BOX], np.float32), "labels": np.array([1]), "scores": np.array([0.9], np.float32)}
    return outputs, spec("ssd")


def detr():
    logits = np.array([[[-9.0, 2.2, 0.0], [-9.0, -9.0, 9.0]]], np.float32)
    boxes = np.array([[[20 / 96, 40 / 64, 20 / 96, 40 / 64], [0.5, 0.5, 1, 1]]], np.float32)
    return {"pred_logits": logits, "pred_boxes": boxes}, spec("detr", softmax=True)


def rt_detr():
    outputs, _ = detr()
    return {"logits": outputs["pred_logits"][..., :2], "boxes": outputs["pred_boxes"]}, spec("detr")


def nanodet():
    centres = cell_centres(SIZE, (8, 16, 32), 0.5)
    cells = np.full((len(centres), 2 + 4 * 8), -9.0, np.float32)
    cells[:, :2] = 0
    cell = int(np.abs(centres - (20, 36, 8)).sum(1).argmin())
    cells[cell, 1] = 0.9
    x, y, stride = centres[cell]
    for side, px in enumerate((x - 10, y - 20, 30 - x, 60 - y)):  # between two bins: a share in each
        low, share = divmod(px / stride, 1)
        cells[cell, 2 + side * 8 + int(low)], cells[cell, 3 + side * 8 + int(low)] = np.log([1 - share + 1e-9, share + 1e-9])
    return {"cells": cells[None]}, spec("nanodet")


FORMS = [yolo_v8, yolo_v5, tensorflow_ssd, torchvision_ssd, detr, rt_detr, nanodet]


@pytest.mark.parametrize("form", FORMS)
def test_every_head_gives_the_same_truck(form):
    outputs, described = form()
    found = decode(outputs, described, SIZE)
    assert [described.class_name(int(each)) for each in found.classes] == ["truck"]
    assert np.allclose(found.boxes, [BOX], atol=0.05) and float(found.scores[0]) == pytest.approx(0.9, abs=0.01)


@pytest.mark.parametrize("form", FORMS)
def test_a_score_below_the_least_is_no_candidate(form):
    outputs, described = form()
    assert len(decode(outputs, described.model_copy(update={"score": 0.95}), SIZE).scores) == 0


@pytest.mark.parametrize("head", ["yolo", "nanodet", "ssd", "detr"])
def test_outputs_of_another_network_are_refused(head):
    with pytest.raises(InvalidInputError):
        decode({"features": np.zeros((1, 4, 3), np.float32)}, spec(head), SIZE)


@given(st.integers(0, 40), st.integers(1, 6))
def test_candidates_come_best_first_and_never_below_the_least(seed, classes):
    scores = np.random.default_rng(seed).random((1, 4 + classes, 300), np.float32)
    found = decode({"output0": scores}, DetectorSpec(head="yolo", score=0.5), SIZE).scores
    assert (np.diff(found) <= 0).all() and (found >= 0.5).all()
