import pytest
import torch

from davy_trainer.objectives import losses
from davy_trainer.stages.loss_weights import SelfSupervisedWeights


def flat(value):
    return torch.full((1, 3, 16, 16), value)


def test_equal_pictures_cost_next_to_nothing():
    x = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert losses.charbonnier(x, x).item() == pytest.approx(1e-3)
    assert losses.dssim_loss(x, x).item() == pytest.approx(0, abs=1e-5)
    assert losses.colour_angle(x, x).item() == pytest.approx(0, abs=1e-5)
    assert losses.log_mse(x, x).item() == pytest.approx(-5)


def test_ten_times_the_square_error_is_one_unit():
    assert losses.log_mse(flat(0.5), flat(0.4)).item() == pytest.approx(-2, abs=0.01)  # log10(0.1 ** 2)


def test_charbonnier_is_the_distance():
    assert losses.charbonnier(flat(0.7), flat(0.4)).item() == pytest.approx(0.3, abs=1e-4)


def test_brightness_leaves_the_colour_angle_alone_and_hue_does_not():
    red = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    assert losses.colour_angle(red / 2, red).item() < 5e-4
    assert losses.colour_angle(red.flip(1), red).item() > 0.1


def test_black_has_no_colour_and_no_gradient_that_outweighs_all_others():
    target = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1).expand(1, 3, 16, 16)
    norms = []
    for level in (0.0, 0.3):
        output = torch.full((1, 3, 16, 16), level, requires_grad=True)
        losses.colour_angle(output, target).backward()
        norms.append(output.grad.norm().item())
    assert norms[0] < 20 * norms[1], "300 times with an offset of a thousandth"


def test_roughness_is_zero_on_a_plain_and_one_step_counts_squared():
    assert losses.roughness(torch.ones(1, 8, 12, 16)).item() == 0
    cells = torch.zeros(1, 1, 2, 2)
    cells[..., 1] = 2.0
    assert losses.roughness(cells).item() == pytest.approx(4)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_total_has_finite_gradients(value):
    output = flat(value).requires_grad_()
    cells = torch.zeros(1, 8, 12, 16, requires_grad=True)
    torch.stack(list(losses.total(output, flat(0.5), cells, SelfSupervisedWeights()).values())).sum().backward()
    assert torch.isfinite(output.grad).all() and torch.isfinite(cells.grad).all()


def test_unevenness_sees_how_the_light_lies_and_no_detail():
    ground_truth = torch.full((1, 3, 64, 64), 0.5)
    checks = ground_truth + 0.1 * (torch.arange(64) % 2 * 2 - 1).float()
    slope = ground_truth + torch.linspace(-0.1, 0.1, 64)
    assert losses.unevenness(checks, ground_truth) == pytest.approx(losses.unevenness(ground_truth, ground_truth))
    assert losses.unevenness(slope, ground_truth) > losses.unevenness(ground_truth, ground_truth) + 1


def test_a_weight_scales_its_loss_and_zero_switches_it_off():
    cells = torch.zeros(1, 8, 12, 16)
    usual = losses.total(flat(0.5), flat(0.4), cells, SelfSupervisedWeights())
    weights = SelfSupervisedWeights(charbonnier_weight=3.0, ssim_weight=0)
    changed = losses.total(flat(0.5), flat(0.4), cells, weights)
    assert changed["charbonnier"].item() == pytest.approx(3 * usual["charbonnier"].item())
    assert changed.keys() == usual.keys() - {"ssim"}
