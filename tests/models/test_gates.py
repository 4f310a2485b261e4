import numpy as np
import pytest
from tests.fixtures.packages import bad_package, good_package

from davy.domain.errors import ModelError
from davy.imaging.runtime import StillEnhancer
from davy.models.gates import Gates, ModelMeasurements, failed_gates, gate_figures, measure_frame
from davy_simulator.world import Mine


def shade(value: float, size=(180, 320)) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    plane = value + 20 * np.sin(columns / 9) * np.cos(rows / 7)
    return np.repeat(plane.clip(0, 255).astype(np.uint8)[..., None], 3, 2)


def side_of(*pictures, seconds: float = 0.01) -> ModelMeasurements:
    return ModelMeasurements([measure_frame(picture) for picture in pictures], [seconds] * len(pictures))


def broken(old: ModelMeasurements, new: ModelMeasurements) -> list[str]:
    return [name for name, _ in failed_gates(Gates(), old, new)]


def test_the_same_picture_passes_every_gate():
    assert broken(side_of(shade(120)), side_of(shade(120))) == []


def test_a_black_picture_a_burnt_one_a_noisy_one_and_an_uneven_one_do_not():
    good, chance = side_of(shade(110)), np.random.default_rng(1)
    noisy = (shade(110) + chance.normal(0, 25, (180, 320, 3))).clip(0, 255).astype(np.uint8)
    patchy = shade(110) * np.repeat(np.repeat([[1.0, 0.3], [0.4, 1.0]], 90, 0), 160, 1)[..., None]
    assert {"black", "entropy"} & set(broken(good, side_of(shade(0) // 8)))
    assert "clipped" in broken(good, side_of(shade(250)))
    assert "noise" in broken(good, side_of(noisy))
    assert "uneven" in broken(good, side_of(patchy.astype(np.uint8)))


def test_time_counts_from_one_and_a_half_and_above_the_clock_s_noise():
    picture = shade(110)
    assert broken(side_of(picture, seconds=0.01), side_of(picture, seconds=0.016)) == ["slow"]
    assert broken(side_of(picture, seconds=0.01), side_of(picture, seconds=0.014)) == []
    assert broken(side_of(picture, seconds=0.0005), side_of(picture, seconds=0.002)) == []


def test_one_camera_of_four_cannot_hide_behind_the_others():
    old = side_of(*[shade(110)] * 12)
    new = side_of(*[shade(110), shade(110), shade(110), shade(2)] * 3)
    assert "black" in broken(old, new)


def test_a_picture_that_is_brighter_as_a_whole_is_not_noisier_for_it():
    dark, chance = np.random.default_rng(3).normal(50, 4, (180, 320, 1)), 1.9
    frames = [np.repeat((dark * gain).clip(0, 255).astype(np.uint8), 3, 2) for gain in (1.0, chance)]
    assert broken(side_of(frames[0]), side_of(frames[1])) == []


def test_a_model_that_only_fails_is_told_by_its_errors_alone():
    assert failed_gates(Gates(), side_of(shade(90)), ModelMeasurements(errors=3)) == [("errors", "it failed on 3 of 3 frames")]


def test_a_picture_of_any_size_has_a_look():
    for size in ((16, 16), (17, 4000), (2160, 3840)):
        assert 0 < measure_frame(shade(100, size)).brightness < 1


@pytest.mark.parametrize(("kind", "gate"), [("black", "black"), ("nan", "errors"), ("slow", "slow")])
@pytest.mark.system
def test_f22_the_three_bad_models_are_told_from_the_good_one_on_frames_of_a_mine(kind, gate):
    import time

    mine = Mine()
    frames = [mine.render(place, at_s, (640, 360)) for place in mine.places for at_s in (1.0,)]
    old, new = ModelMeasurements(), ModelMeasurements()
    good, bad = StillEnhancer(good_package().onnx), bad_package(kind).load()
    for frame in frames:
        for still, side in ((good, old), (bad, new)):
            began = time.thread_time()
            try:
                picture = still.enhance(frame)
            except ModelError:
                side.errors += 1
                continue
            side.times_s.append(time.thread_time() - began)
            side.statistics.append(measure_frame(picture))
    assert gate in [name for name, _ in failed_gates(Gates(), old, new)], gate_figures(old, new)
    assert failed_gates(Gates(), old, old) == []
