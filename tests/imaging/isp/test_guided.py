import torch

from davy.imaging.isp.blocks import block_statistics
from davy.imaging.isp.guided import box3, guided_coefficients
from davy.imaging.isp.luminance import luma


def noise(value: float, like: torch.Tensor) -> torch.Tensor:
    return torch.full((1, 1, like.shape[2] // 2, like.shape[3] // 2), value)


def test_box3_is_the_mean_of_nine_and_repeats_the_border():
    plane = torch.zeros(1, 1, 5, 5)
    plane[0, 0, 2, 2] = 9.0
    assert torch.allclose(box3(plane)[0, 0, 1:4, 1:4], torch.ones(3, 3))
    assert torch.allclose(box3(torch.full((1, 1, 4, 6), 0.5)), torch.full((1, 1, 4, 6), 0.5))


def test_a_flat_picture_is_its_own_base():
    image = torch.full((1, 3, 16, 16), 0.4)
    slope, offset = guided_coefficients(block_statistics(image, 2), noise(0.05, image))
    assert torch.allclose(slope, torch.zeros_like(slope), atol=1e-4)
    assert torch.allclose(offset, torch.full_like(offset, 0.4), atol=1e-4)


def test_a_strong_edge_stays_and_weak_grain_goes():
    edge = torch.zeros(1, 3, 16, 16)
    edge[..., 8:] = 1.0
    slope, offset = guided_coefficients(block_statistics(edge, 2), noise(0.01, edge))
    assert offset[..., 3].max() < 0.01  # the base beside the edge, where luma is 0
    assert (slope + offset)[..., 4].min() > 0.99  # and where it is 1
    grain = 0.5 + 0.01 * torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    slope, _ = guided_coefficients(block_statistics(grain, 2), noise(0.12, grain))
    assert slope.abs().max() < 0.05


def test_a_grey_picture_with_no_noise_is_reproduced():
    ramp = torch.linspace(0, 1, 32).expand(1, 3, 32, 32).contiguous()
    slope, offset = guided_coefficients(block_statistics(ramp, 2), noise(1e-4, ramp))
    base = slope.mean() * luma(ramp) + offset.mean()
    assert (base - ramp).abs().max() < 0.02


def test_gradients_are_finite(image):
    image.requires_grad_()
    sigma = noise(0.003, image).requires_grad_()
    slope, offset = guided_coefficients(block_statistics(image, 2), sigma)
    (slope.sum() + offset.sum()).backward()
    assert torch.isfinite(image.grad).all() and torch.isfinite(sigma.grad).all()
