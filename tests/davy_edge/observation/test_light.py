import numpy as np
import pytest
from tests.fixtures.scenes import scene

from davy_edge.observation.light import measure, reduced_luma, scene_distance


def gray(level: int, size: tuple[int, int] = (240, 320)) -> np.ndarray:
    return np.full((*size, 3), level, np.uint8)


def test_luma_is_of_one_pixel_in_64():
    assert reduced_luma(gray(90)).shape == (30, 40)
    assert np.all(reduced_luma(gray(90)) == 90)


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (3, 200), (37, 53)])
def test_a_picture_of_any_size_has_its_measures(size):
    light = measure(reduced_luma(gray(200, size)))
    assert (light.mean, light.dark, light.clipped, light.evenness) == pytest.approx((200, 0, 0, 1))
    assert light.layout.shape == (144,)


def test_shares_are_counted():
    half = gray(0)
    half[:, 160:] = 255
    light = measure(reduced_luma(half))
    assert (light.dark, light.clipped, light.evenness) == (0.5, 0.5, 0)
    assert light.histogram[[0, -1]].tolist() == [0.5, 0.5]


def test_a_scene_is_near_itself_in_another_light_and_far_from_another_scene():
    here, brighter, there = (measure(reduced_luma(scene(*of))).layout for of in ((1, 0.5), (1, 1.0), (2, 0.5)))
    assert scene_distance(here, brighter) < 0.1
    assert scene_distance(here, there) > 0.5
    assert scene_distance(here, here) == pytest.approx(0, abs=1e-5)


def test_a_flat_picture_is_like_flat_pictures_only():
    flat, other, wall = (measure(reduced_luma(image)).layout for image in (gray(10), gray(80), scene(1)))
    assert scene_distance(flat, other) == 0
    assert scene_distance(flat, wall) == 1
