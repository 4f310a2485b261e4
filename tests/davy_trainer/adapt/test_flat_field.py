import numpy as np

from davy.imaging.lowlight.exposure import linear_to_srgb
from davy_trainer.adapt.flat_field import flat_field_targets, light_ratio, relight


def slope(height=64, width=96):
    """Brighter to the right, reddish."""
    across = np.linspace(0.15, 0.6, width, dtype=np.float32)[None, :, None]
    return np.broadcast_to(across * np.array([1.2, 1.0, 0.8], np.float32), (height, width, 3)).copy()


def test_light_becomes_even_and_grey():
    found = flat_field_targets(slope(), slope(), 0.07, 0.42)
    assert abs(found[:, 8:-8] - 0.42).max() < 0.04


def test_detail_keeps_its_contrast():
    picture = slope()
    picture[:, ::4] *= 1.2
    found = flat_field_targets(picture, picture, 0.07, 0.42)
    ratio = found[:, 40:56:4] / found[:, 41:57:4]
    assert 1.15 < ratio.mean() < 1.25


def test_lamps_stay():
    picture = slope()
    picture[10:20, 10:20] = 1.0
    assert (flat_field_targets(picture, picture, 0.07, 0.42)[10:20, 10:20] == 1).all()


def test_none_of_the_way_is_the_picture_itself():
    assert np.allclose(flat_field_targets(slope(), slope(), 0.07, 0.42, 0, 0), slope(), atol=1e-5)


def test_relit_to_the_measured_ratio_it_is_as_bright_as_the_new_light():
    light = slope() ** 2
    old, new = (np.rint(linear_to_srgb(light * np.float32(gain)) * 255).astype(np.uint8) for gain in (1.0, 0.3))
    dark = relight(old, light_ratio([new], [old], 0.07), np.random.default_rng(1))
    assert abs(dark.astype(float).mean() - new.mean()) < 2
