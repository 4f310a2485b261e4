import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from davy.domain.errors import InvalidInputError
from davy.imaging.runtime import StillEnhancer
from davy_simulator.people_cli import write_people
from davy_simulator.places import PLACES, Walk
from davy_simulator.render import Renderer
from davy_simulator.variety import PEOPLE, peopled

SIZE = (320, 180)


def gallery(*walks):
    return Renderer(replace(PLACES["gallery"], walks=walks, shake_px=0.0), SIZE, 7)


def test_a_box_bounds_what_a_person_changes_in_the_picture():
    empty, one = gallery(), gallery(Walk(((0.9, 7.0),), 0.0))
    changed = np.abs(one.truth(1.0, 0).astype(int) - empty.truth(1.0, 0)).max(axis=2) > 0
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    (person,) = one.people(1.0)
    assert np.abs(np.subtract(person.box, (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))).max() <= 1
    assert person.visible > 0.98 and person.inside


def test_an_empty_place_has_no_boxes():
    assert gallery().people(1.0) == []


def test_a_person_who_stands_behind_another_is_hardly_visible():
    near, far = gallery(Walk(((0.9, 6.0),), 0.0), Walk(((0.72, 6.9),), 0.0)).people(1.0)
    assert near.visible > 0.98 and far.visible < 0.6
    assert near.height_px > far.height_px


def test_a_person_at_the_edge_of_the_picture_is_not_wholly_inside():
    assert not any(person.inside for person in gallery(Walk(((1.9, 2.4),), 0.0)).people(1.0))


def test_other_people_are_at_most_six_and_the_same_for_a_seed():
    drawn = [peopled(PLACES["junction"], seed).walks for seed in range(40)]
    assert {len(walks) for walks in drawn} == set(range(PEOPLE + 1))
    assert drawn[3] == peopled(PLACES["junction"], 3).walks


def test_a_data_set_has_three_lights_and_the_same_boxes_in_each(tmp_path):
    assert write_people(tmp_path, "100-100", 1, 13.0, "320x180", StillEnhancer()) == 4
    stored = json.loads((tmp_path / "annotations.json").read_text())
    boxes = {light: [] for light in ("raw", "enhanced", "even")}
    for image in stored["images"]:
        assert cv2.imread(str(tmp_path / image["file_name"])).shape == (180, 320, 3)
        light = image["file_name"].split("/")[0]
        boxes[light] += [each["bbox"] for each in stored["annotations"] if each["image_id"] == image["id"]]
    assert boxes["raw"] == boxes["enhanced"] == boxes["even"] != []


@pytest.mark.parametrize(("seeds", "size"), [("900-901", "320x180"), ("one", "320x180"), ("100-101", "wide")])
def test_a_data_set_of_evaluation_seeds_or_without_sense_is_refused(tmp_path, seeds, size):
    with pytest.raises(InvalidInputError):
        write_people(tmp_path, seeds, 1, 13.0, size, StillEnhancer())
