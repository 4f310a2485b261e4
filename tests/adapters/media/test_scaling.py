import numpy as np
import pytest

from davy.adapters.media import jpeg, planes
from davy.adapters.media.scaling import scaled
from davy.domain.frame import YuvImage


def ramp(width: int = 640, height: int = 360) -> np.ndarray:
    row = np.linspace(10, 240, width).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (height, width, 3)))


@pytest.mark.parametrize(("scale", "size"), [(0.5, (320, 180)), (0.75, (480, 270)), (0.001, (16, 16))])
def test_a_picture_gets_even_sides_and_keeps_its_content(scale, size):
    found = scaled(ramp(), scale)
    assert found.shape == (size[1], size[0], 3)
    assert abs(float(found.mean()) - float(ramp().mean())) < 3


@pytest.mark.parametrize("full_range", [True, False])
@pytest.mark.parametrize("sides", [(640, 360), (641, 361)])
def test_planes_are_scaled_as_planes_and_can_be_encoded(full_range, sides):
    image = planes.from_bgr(ramp(*sides))
    image = YuvImage(image.y, image.u, image.v, full_range)
    found = scaled(image, 0.5)
    assert isinstance(found, YuvImage)
    assert (found.size, found.u.shape, found.full_range) == ((320, 180), (90, 160), full_range)
    assert abs(float(found.y.mean()) - float(image.y.mean())) < 3
    assert abs(float(found.u.mean()) - 128) < 1
    assert jpeg.decode(jpeg.encode(found)).shape == (180, 320, 3)


def test_a_whole_picture_is_not_copied():
    picture = ramp()
    assert scaled(picture, 1.0) is picture
