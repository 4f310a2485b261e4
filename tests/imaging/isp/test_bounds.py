import torch

from davy.imaging.isp.bounds import clip
from davy.imaging.isp.tone import apply_tone, tone_curve_from_steps


def gradients(weights):
    x = torch.tensor([-1.0, 0.4, 2.0], requires_grad=True)
    clipped = clip(x, 0, 1)
    (clipped * torch.tensor(weights)).sum().backward()
    return clipped.detach().tolist(), x.grad.tolist()


def test_values_are_those_of_a_clip():
    assert gradients([1.0, 1.0, 1.0])[0] == [0.0, torch.tensor(0.4).item(), 1.0]
    assert clip(torch.tensor([-3.0, 3.0]), -1, 1).tolist() == [-1, 1]


def test_a_value_outside_comes_back_by_a_descent_step_and_never_goes_farther():
    assert gradients([-1.0, 1.0, 1.0])[1] == [-1.0, 1.0, 1.0]
    assert gradients([1.0, -1.0, -1.0])[1] == [0.0, -1.0, 0.0]


def test_a_black_picture_can_become_brighter_again():
    image = torch.full((1, 3, 4, 4), -0.2, requires_grad=True)
    loss = (apply_tone(image, tone_curve_from_steps(torch.zeros(1, 16))) - 0.5).square().mean()
    loss.backward()
    assert (image.grad < 0).all()
