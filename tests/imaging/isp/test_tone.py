import pytest
import torch

from davy.imaging.isp.tone import apply_tone, knots_of_steps


def test_equal_steps_are_the_identity(image):
    knots = knots_of_steps(torch.zeros(1, 16))
    assert knots[0].tolist() == pytest.approx([k / 16 for k in range(17)], abs=1e-6)
    assert torch.allclose(apply_tone(image, knots), image, atol=1e-6)


def test_knots_rise_from_zero_to_one_whatever_the_steps():
    knots = knots_of_steps(torch.randn(5, 16, generator=torch.Generator().manual_seed(1)) * 10)
    assert (knots.diff(dim=1) >= 0).all()
    assert knots[:, 0].tolist() == [0.0] * 5
    assert knots[:, -1].tolist() == pytest.approx([1.0] * 5, abs=1e-5)


def test_a_curve_of_two_pieces_bends_at_its_middle():
    knots = torch.tensor([[0.0, 0.8, 1.0]])
    values = torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).view(1, 1, 1, 5)
    assert apply_tone(values, knots).flatten().tolist() == pytest.approx([0, 0.4, 0.8, 0.9, 1.0])


def test_values_outside_zero_to_one_are_clipped():
    knots = knots_of_steps(torch.zeros(1, 16))
    assert apply_tone(torch.tensor([-3.0, 7.0]).view(1, 1, 1, 2), knots).flatten().tolist() == pytest.approx([0, 1], abs=1e-6)


def test_gradients_are_finite(image):
    image.requires_grad_()
    steps = torch.zeros(1, 16, requires_grad=True)
    apply_tone(image, knots_of_steps(steps)).square().sum().backward()
    assert torch.isfinite(image.grad).all() and torch.isfinite(steps.grad).all()
