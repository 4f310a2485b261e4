import pytest
import torch

from davy.imaging.isp.blocks import block_size, block_statistics


def test_a_block_holds_the_means_of_its_pixels():
    image = torch.zeros(1, 3, 2, 4)
    image[0, :, 0, 0] = 1.0  # one white pixel in the first block of 2 x 2
    seen = block_statistics(image, 2)
    assert seen.rgb[0, :, 0].tolist() == [[0.25, 0.0]] * 3
    assert seen.luma[0, 0].tolist() == [[pytest.approx(0.25), 0.0]]
    assert seen.luma_squared[0, 0, 0, 0] == pytest.approx(0.25)
    assert seen.luma_rgb[0, :, 0, 0].tolist() == pytest.approx([0.25] * 3)


def test_border_blocks_are_means_of_what_is_there():
    image = torch.ones(1, 3, 5, 7)
    seen = block_statistics(image, 4)
    assert seen.rgb.shape == (1, 3, 2, 2)
    assert torch.allclose(seen.rgb, torch.ones(1, 3, 2, 2))


def test_whole_blocks_and_pooling_agree():
    image = torch.rand(1, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    padded = torch.nn.functional.pad(image, (0, 1, 0, 1))  # 13 x 17 takes the other way
    whole, pooled = block_statistics(image, 4), block_statistics(padded, 4)
    assert torch.allclose(whole.luma_rgb, pooled.luma_rgb[:, :, :3, :4], atol=1e-6)


@pytest.mark.parametrize(
    ("size", "block"), [((16, 16), 1), ((400, 600), 1), ((720, 1280), 3), ((1080, 1920), 4), ((2160, 3840), 9)]
)
def test_the_short_side_makes_at_least_240_blocks_where_it_has_the_pixels(size, block):
    assert block_size(*size) == block_size(*size[::-1]) == block


def test_gradients_are_finite(image):
    image.requires_grad_()
    seen = block_statistics(image, 2)
    (seen.luma_squared.sum() + seen.luma_rgb.sum()).backward()
    assert torch.isfinite(image.grad).all()
