import cv2
import numpy as np
import pytest
import torch
from skimage import data

from davy.imaging.nets.ispcnn import IspCnn
from davy_trainer.adapt.items import through_blocks
from davy_trainer.adapt.retention import MIN_ROWS, in_lights, retention_items
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.adapt.training import retention_terms
from davy_trainer.data.camera_samples import CameraSamples

pytestmark = pytest.mark.system

COFFEE = cv2.resize(data.coffee()[:, :, ::-1], (320, 180), interpolation=cv2.INTER_AREA)


@pytest.fixture
def settings(tmp_path):
    words = {"samples": tmp_path, "drifted": ("north/gallery",), "model": tmp_path, "max_retained": 12, "max_held_out": 6}
    return AdaptSettings.model_validate(words)


@pytest.fixture
def start():
    torch.manual_seed(0)
    return IspCnn(8)


def camera(folder, name, gains, picture=COFFEE):
    (folder / name).mkdir()
    paths = tuple(folder / name / f"{index}.png" for index in range(len(gains)))
    for path, gain in zip(paths, gains, strict=True):
        cv2.imwrite(str(path), (picture * gain).astype(np.uint8))
    return CameraSamples(f"north/{name}", paths)


def rng():
    return np.random.default_rng(1)


def test_every_camera_counts_the_same_however_few_samples_it_sent(tmp_path, settings, start):
    many, one = camera(tmp_path, "face", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)), camera(tmp_path, "belt", (0.3,))
    kept = retention_items([many, one], start, settings, rng())
    assert len(kept.train) == 12 and [len(items) for items in kept.held_out] == [3, 3] and len(kept.interleaved) == 6
    assert kept.interleaved[0] is kept.held_out[0][0] and kept.interleaved[1] is kept.held_out[1][0]


def test_a_camera_with_enough_samples_has_its_newest_held_out(tmp_path, settings, start):
    kept = retention_items([camera(tmp_path, "face", (0.2, 0.2, 0.2, 0.6))], start, settings, rng())
    (newest, *_), train = kept.held_out[0], kept.train[:3]
    assert newest.blocks.rgb.mean() > 2 * max(item.blocks.rgb.mean() for item in train)


def test_the_running_model_is_the_teacher_in_picture_and_parameters(tmp_path, settings, start):
    kept = retention_items([camera(tmp_path, "face", (0.3,))], start, settings, rng())
    for item in (kept.train[-1], kept.held_out[0][-1]):
        with torch.no_grad():
            (output,), parameters = through_blocks(start, [item])
        assert torch.equal(output, item.target) and torch.equal(parameters.log2_gain, item.parameters.log2_gain)


def test_training_items_are_reduced_and_held_out_items_are_not(tmp_path, settings, start):
    kept = retention_items([camera(tmp_path, "face", (0.3,))], start, settings, rng())
    assert kept.train[0].target.shape == (1, 3, MIN_ROWS, MIN_ROWS * 16 // 9) and kept.held_out[0][0].target.shape == (
        1,
        3,
        180,
        320,
    )


def test_more_cameras_than_pictures_are_picked_evenly(tmp_path, settings, start):
    cameras = [camera(tmp_path, f"c{k}", (0.3,), COFFEE[::6, ::6]) for k in range(15)]
    kept = retention_items(cameras, start, settings, rng())
    assert len(kept.train) == 12 and all(len(items) == 1 for items in kept.held_out)


def test_without_other_cameras_nothing_is_kept(settings, start):
    kept = retention_items([], start, settings, rng())
    assert not kept.train and not kept.interleaved


def test_pictures_come_as_they_are_first_and_then_in_other_light(settings):
    first, *others = in_lights([COFFEE // 2], 5, settings, rng())
    assert np.array_equal(first, COFFEE // 2)
    means = [float(other.mean()) for other in others]
    assert len(set(means)) == 4 and all(0.3 < mean / first.mean() < 3 for mean in means)


def test_another_gain_costs_in_picture_and_parameters_and_the_running_model_costs_nothing(tmp_path, settings, start):
    items = retention_items([camera(tmp_path, "face", (0.3,))], start, settings, rng()).train[:2]
    first = terms(start, items, settings)
    with torch.no_grad():
        start.exposure_head.bias += 0.1
    then = terms(start, items, settings)
    assert first["retention_parameters"] < 1e-12 and then["retention_parameters"] == pytest.approx(
        settings.retention_parameters_weight * 0.1**2, rel=0.1
    )
    assert then["retention"] > first["retention"] + 0.3


def terms(net, items, settings):
    with torch.no_grad():
        outputs, parameters = through_blocks(net, items)
        return {name: float(term) for name, term in retention_terms(items, outputs, parameters, settings).items()}
