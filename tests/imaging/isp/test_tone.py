import pytest
import torch

from davy.imaging.isp.tone import apply_tone, tone_curve_from_steps


def test_equal_steps_are_the_identity(image):
    tone_curve = tone_curve_from_steps(torch.zeros(1, 16))
    assert tone_curve[0].tolist() == pytest.approx([k / 16 for k in range(17)], abs=1e-6)
    assert torch.allclose(apply_tone(image, tone_curve), image, atol=1e-6)


def test_knots_rise_from_zero_to_one_whatever_the_steps():
    tone_curve = tone_curve_from_steps(torch.randn(5, 16, generator=torch.Generator().manual_seed(1)) * 10)
    assert (tone_curve.diff(dim=1) >= 0).all()
    assert tone_curve[:, 0].tolist() == [0.0] * 5
    assert tone_curve[:, -1].tolist() == pytest.approx([1.0] * 5, abs=1e-5)


def test_a_curve_of_two_pieces_bends_at_its_middle():
    tone_curve = torch.tensor([[0.0, 0.8, 1.0]])
    values = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).view(1, 1, 1, 5)
    assert apply_tone(values, tone_curve).flatten().tolist() == pytest.approx([0, 0.4, 0.8, 0.9, 1.0])


def test_values_outside_zero_to_one_are_clipped():
    tone_curve = tone_curve_from_steps(torch.zeros(1, 16))
    assert apply_tone(torch.tensor([-3.0, 7.0]).view(1, 1, 1, 2), tone_curve).flatten().tolist() == pytest.approx(
        [0, 1], abs=1e-6
    )


def test_gradients_are_finite(image):
    image.requires_grad_()
    steps = torch.zeros(1, 16, requires_grad=True)
    apply_tone(image, tone_curve_from_steps(steps)).square().sum().backward()
    assert torch.isfinite(image.grad).all() and torch.isfinite(steps.grad).all()
