import numpy as np
import pytest

from davy.adapters.media import planes
from davy.domain.frame import YuvImage

SIZES = [(16, 16), (17, 19), (48, 300)]


def exact(image, weights=(0.299, 0.114), full_range=True):
    """Luma and chroma of every pixel, float, by the definition."""
    b, g, r = (image[..., channel].astype(float) for channel in range(3))
    red, blue = weights
    y = red * r + (1 - red - blue) * g + blue * b
    u, v = (b - y) / (2 * (1 - blue)), (r - y) / (2 * (1 - red))
    return (y, u + 128, v + 128) if full_range else (y * 219 / 255 + 16, u * 224 / 255 + 128, v * 224 / 255 + 128)


def smooth(height, width):
    """Colours that are the same over 2 x 2 pixels."""
    few = np.random.default_rng(5).integers(40, 216, (-(-height // 2), -(-width // 2), 3), np.uint8)
    return few.repeat(2, 0).repeat(2, 1)[:height, :width]


def encoded(image, weights, full_range):
    y, u, v = (np.rint(plane).clip(0, 255).astype(np.uint8) for plane in exact(image, weights, full_range))
    return YuvImage(y, u[::2, ::2], v[::2, ::2], full_range)


@pytest.mark.parametrize("size", SIZES)
def test_planes_are_those_of_the_definition(size):
    image = smooth(*size)
    found = planes.from_bgr(image)
    y, u, v = exact(image)
    for plane, wanted in ((found.y, y), (found.u, u[::2, ::2]), (found.v, v[::2, ::2])):
        assert plane.shape == wanted.shape
        assert np.abs(plane - wanted).max() <= 1


@pytest.mark.parametrize("size", SIZES)
def test_pixels_come_back(size):
    image = smooth(*size)
    assert np.abs(planes.to_bgr(planes.from_bgr(image)).astype(int) - image).max() <= 2


def test_chroma_is_the_mean_over_2_x_2():
    image = np.zeros((16, 16, 3), np.uint8)
    image[::2, :, 0] = 200  # every other row is blue
    assert np.abs(planes.from_bgr(image).u.astype(int) - (128 + 100 * (1 - 0.114) / 1.772)).max() <= 1


@pytest.mark.parametrize(("weights", "full_range"), [(planes.BT601, False), (planes.BT709, True), (planes.BT709, False)])
@pytest.mark.parametrize("size", SIZES)
def test_other_ranges_and_matrices_show_the_same_colours(weights, full_range, size):
    image = smooth(*size)
    full = planes.to_full(encoded(image, weights, full_range), weights)
    assert full.full_range
    assert np.abs(planes.to_bgr(full).astype(int) - image).max() <= 6  # of rounding twice, and once in a smaller range


def test_planes_of_jpeg_s_kind_are_not_copied():
    image = planes.from_bgr(smooth(16, 16))
    assert planes.to_full(image) is image
    assert planes.with_contiguous_rows(image) is image
    assert planes.pad_odd_sides(image) is image


def test_strided_pixels_and_planes_are_read_right():
    image = smooth(32, 48)
    assert np.array_equal(planes.from_bgr(image[:, ::-1]).y, planes.from_bgr(np.ascontiguousarray(image[:, ::-1])).y)
    found = planes.from_bgr(image)
    mirrored = YuvImage(found.y[:, ::-1], found.u[:, ::-1], found.v[:, ::-1])
    assert np.array_equal(planes.to_bgr(mirrored), planes.to_bgr(found)[:, ::-1])


def test_luma_is_the_same_from_pixels_and_from_planes_of_any_range():
    image = smooth(64, 64)
    luma = planes.luma_of(image, 8)
    assert luma.shape == (8, 8)
    assert np.abs(planes.luma_of(planes.from_bgr(image), 8).astype(int) - luma).max() <= 1
    assert np.abs(planes.luma_of(encoded(image, planes.BT601, False), 8).astype(int) - luma).max() <= 2


def test_odd_pictures_end_in_memory_as_they_end_in_sight():
    image = planes.pad_odd_sides(planes.from_bgr(smooth(17, 19)))
    assert image.y.shape == (17, 19)
    assert np.array_equal(image.y.base[:17, 19], image.y[:, 18])
    assert np.array_equal(image.y.base[17, :19], image.y[16])
