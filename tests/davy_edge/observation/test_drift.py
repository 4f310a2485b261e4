import functools

import numpy as np
import pytest
from tests.fixtures.scenes import scene

from davy.domain.frame import Frame
from davy_edge.observation.drift import BEGINS, Drift, Fit, Lighting, Reading, components
from davy_edge.observation.light import Light, measure, reduced_luma

FRAME = Frame(scene(1), 1)


@functools.cache
def light(gain: float = 1.0, lift: int = 0) -> Light:
    """A scene; lift is what is added to every pixel."""
    return measure(reduced_luma(np.minimum(scene(1, gain).astype(np.uint16) + lift, 255).astype(np.uint8)))


class Camera:
    """A camera under watch; 2 s pass between looks."""

    def __init__(self, folder) -> None:
        self.changes: list[Reading] = []
        self.now_s = 0.0
        self.path = folder / "face.json"
        self.start()

    def start(self) -> None:
        self.drift = Drift(self.path, 60, 30, self.changes.append)

    def probe(self, raw: Light, count: int, model: str = "m1", shown: Light | None = None) -> Reading:
        for _ in range(count):
            self.drift.observe(FRAME, raw, shown or light(2.0, 60), model, self.now_s)
            self.now_s += 2
        return self.drift.reading


@pytest.fixture
def camera(tmp_path):
    return Camera(tmp_path)


def test_a_shift_of_brightness_is_measured_in_levels():
    usual, brighter = Lighting.of(light(), light()), Lighting.of(light(lift=24), light())
    assert components(usual, brighter)["brightness"] == pytest.approx(24 / 6, rel=0.1)
    assert set(components(usual, usual).values()) == {0.0}


def test_a_picture_that_the_model_makes_better_is_no_drift():
    usual, better = Lighting.of(light(), light(1.0)), Lighting.of(light(), light(1.0, 50))
    worse = components(better, usual)
    assert components(usual, better)["left-dark"] == components(usual, better)["left-uneven"] == 0
    assert min(worse["left-dark"], worse["left-uneven"]) > 1


def test_it_settles_then_fits(camera):
    assert camera.probe(light(), 25).as_json() == {"state": "settling", "model": "m1", "score": None, "reasons": {}}
    reading = camera.probe(light(), 25)
    assert (reading.fit, reading.score) == (Fit.FITS, pytest.approx(0, abs=1e-9))
    assert camera.changes == []


def test_a_lasting_change_of_light_is_reported_once_and_its_end_once(camera):
    camera.probe(light(), 50)
    assert camera.probe(light(lift=20), 1).fit is Fit.FITS  # a passing lamp
    drifted = camera.probe(light(lift=20), 50)
    assert (drifted.fit, drifted.score > 2 * BEGINS) == (Fit.DRIFTED, True)
    camera.probe(light(), 100)
    assert [reading.fit for reading in camera.changes] == [Fit.DRIFTED, Fit.FITS]


def test_at_the_threshold_it_does_not_flutter(camera):
    camera.probe(light(), 50)
    for lift in [8, 4] * 20:
        camera.probe(light(lift=lift), 10)
    assert [reading.fit for reading in camera.changes] == [Fit.DRIFTED]


def test_the_reference_survives_a_restart_and_another_model_starts_a_new_one(camera):
    camera.probe(light(), 50)
    camera.start()
    assert camera.probe(light(lift=20), 50).fit is Fit.DRIFTED
    assert camera.probe(light(lift=20), 1, model="m2").fit is Fit.LEARNING
    assert camera.probe(light(lift=20), 50, model="m2").fit is Fit.FITS


def test_a_covered_lens_is_no_drift(camera):
    camera.probe(light(), 50)
    assert camera.probe(light(0.0), 50).fit is Fit.FITS


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model": "m1", "values": [1, 2]}', '{"model": "m1", "values": "x"}'])
def test_a_damaged_file_is_learned_again(camera, content):
    camera.path.write_text(content)
    camera.start()
    assert camera.probe(light(), 1).fit is Fit.LEARNING
    assert camera.probe(light(), 50).fit is Fit.FITS
