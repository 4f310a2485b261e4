import pytest
import torch

from davy.domain.errors import ShapeError
from davy.imaging.isp.luminance import LUMA, luma


def test_white_is_one_and_green_is_brighter_than_red_than_blue():
    pixels = torch.tensor([[1.0, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]).view(4, 3, 1, 1)
    assert luma(pixels).flatten().tolist() == pytest.approx([1, 0.299, 0.587, 0.114])
    assert sum(LUMA) == pytest.approx(1)


def test_the_result_has_one_channel(image):
    assert luma(image).shape == (1, 1, 48, 64)
    assert luma(image).min() >= 0 and luma(image).max() <= 1 + 1e-6


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 4, 8, 8)])
def test_other_than_three_channels_are_refused(shape):
    with pytest.raises(ShapeError, match="image has shape"):
        luma(torch.zeros(shape))
