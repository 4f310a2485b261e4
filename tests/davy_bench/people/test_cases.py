import json

import cv2
import numpy as np
import pytest

from davy.domain.errors import ConfigError
from davy.imaging.runtime import StillEnhancer
from davy_bench.people.cases import ENHANCED, EVEN, RAW, folder_cases, simulated
from davy_bench.people.intruders import RULE, WAYS, ZONES
from davy_simulator.places import PLACES

VOC = """<annotation><filename>a.jpg</filename><object><name>person</name><difficult>0</difficult><bndbox><xmin>10</xmin>
<ymin>20</ymin><xmax>30</xmax><ymax>60</ymax></bndbox></object><object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin>
<xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"""


def picture(folder, name="a.jpg"):
    cv2.imwrite(str(folder / name), np.full((104, 208, 3), 60, np.uint8))


def coco(folder, **more):
    stored = {
        "images": [{"id": 4, "file_name": "a.jpg"}],
        "annotations": [{"image_id": 4, "category_id": 1, "bbox": [10, 20, 20, 40]}],
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "annotations.json").write_text(json.dumps(stored | more))


def test_coco_and_voc_give_the_same_people(tmp_path):
    for name in ("coco", "voc"):
        (tmp_path / name).mkdir()
        picture(tmp_path / name)
    coco(tmp_path / "coco")
    (tmp_path / "voc" / "a.xml").write_text(VOC)
    cases = [next(iter(folder_cases(tmp_path / name, StillEnhancer()))) for name in ("coco", "voc")]
    assert [case.truths for case in cases] == [cases[0].truths] * 2
    (truth,) = cases[0].truths
    assert truth.box == (10, 20, 30, 60) and truth.height_px == 80  # as 416 px wide
    assert set(cases[0].images) == {RAW, ENHANCED}


@pytest.mark.parametrize("broken", ["[]", '{"images": 3}', "no json"])
def test_annotations_that_cannot_be_read_are_named(tmp_path, broken):
    picture(tmp_path)
    (tmp_path / "annotations.json").write_text(broken)
    with pytest.raises(ConfigError, match=r"annotations\.json"):
        list(folder_cases(tmp_path, StillEnhancer()))


def test_a_missing_picture_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(ConfigError, match="neither"):
        list(folder_cases(tmp_path, StillEnhancer()))
    coco(tmp_path)
    with pytest.raises(ConfigError, match=r"a\.jpg"):
        list(folder_cases(tmp_path, StillEnhancer()))


def test_training_seeds_are_refused():
    with pytest.raises(ConfigError, match="training"):
        next(simulated((100,), 1, (320, 180), StillEnhancer(), lambda done, total: None))


def test_a_simulated_case_has_three_lights():
    case = next(simulated((901,), 1, (320, 180), StillEnhancer(), lambda done, total: None))
    assert set(case.images) == {RAW, ENHANCED, EVEN} and case.group == "gallery"


def test_every_place_has_a_zone_and_a_way_into_it():
    assert set(ZONES) == set(WAYS) == set(PLACES) and RULE.zone == "forbidden"
