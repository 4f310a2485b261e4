import pytest
import torch

from davy_trainer.objectives import enhance_losses


def grey(value, height=32, width=48):
    return torch.full((1, 3, height, width), value)


def test_spatial_consistency_is_zero_under_an_even_lift_and_counts_a_lost_step():
    step = grey(0.2)
    step[..., 16:] = 0.5  # regions of 16 px: 0.2, 0.5, 0.5
    assert enhance_losses.spatial_consistency(step, step + 0.1).item() == pytest.approx(0, abs=1e-8)
    # flat instead: of the two steps across, one loses 0.3
    assert enhance_losses.spatial_consistency(step, grey(0.4)).item() == pytest.approx(0.3**2 / 2, abs=1e-6)


def test_exposure_counts_squared_stops():
    assert enhance_losses.exposure(grey(0.25), torch.tensor([0.5])).item() == pytest.approx(1, abs=1e-4)
    assert enhance_losses.exposure(grey(0.125), torch.tensor([0.5])).item() == pytest.approx(4, abs=1e-4)


def test_a_grey_world_is_colour_constant():
    assert enhance_losses.colour_constancy(grey(0.3)).item() == 0
    red = grey(0.3)
    red[:, 0] += 0.1
    assert enhance_losses.colour_constancy(red).item() == pytest.approx(2 * 0.1**2, abs=1e-6)


def test_smoothness_adds_steps_of_gain_and_colour():
    flat, ramp = torch.zeros(1, 1, 2, 3), torch.arange(3.0).expand(1, 1, 2, 3)
    assert enhance_losses.smoothness(flat, flat).item() == 0
    assert enhance_losses.smoothness(ramp, flat).item() == pytest.approx(1)


def test_distillation_is_the_mean_distance_to_the_start():
    assert enhance_losses.distillation(grey(0.5), grey(0.4)).item() == pytest.approx(0.1, abs=1e-3)


def test_gain_normalised_has_the_outputs_mean_and_no_gradient():
    low, output = grey(0.1), grey(0.4).requires_grad_()
    level = enhance_losses.gain_normalised(low, output)
    assert enhance_losses.mean_luma(level).item() == pytest.approx(0.4) and not level.requires_grad


def test_every_loss_has_finite_gradients_on_a_black_frame():
    low, output = grey(0.0), grey(0.0).requires_grad_()
    level = enhance_losses.gain_normalised(low, output)
    terms = [
        enhance_losses.spatial_consistency(level, output),
        enhance_losses.exposure(output, torch.tensor([0.4])),
        enhance_losses.colour_constancy(output),
        enhance_losses.distillation(output, low),
    ]
    torch.stack(terms).sum().backward()
    assert torch.isfinite(output.grad).all()
