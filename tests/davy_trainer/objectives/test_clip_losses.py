import pytest
import torch

from davy.imaging.clip import LOW, NORMAL
from davy_trainer.objectives import clip_losses

PAIR = torch.eye(2)  # the normal prompt points along x, the low-light one along y
NORMAL_IMAGE, LOW_IMAGE = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])


def grey(value, height=32, width=48):
    return torch.full((1, 3, height, width), value)


def test_normality_is_the_softmax_of_two_similarities():
    # similarities 1 and 0 at scale 2: e^2 / (e^2 + 1)
    assert clip_losses.normality(PAIR, NORMAL_IMAGE, 2.0).item() == pytest.approx(0.8808, abs=1e-4)
    assert clip_losses.normality(PAIR, LOW_IMAGE, 2.0).item() == pytest.approx(0.1192, abs=1e-4)


def test_right_labels_cost_less_than_wrong_ones():
    right = clip_losses.prompt_cross_entropy(PAIR, NORMAL_IMAGE, torch.tensor([NORMAL]), 2.0)
    wrong = clip_losses.prompt_cross_entropy(PAIR, NORMAL_IMAGE, torch.tensor([LOW]), 2.0)
    assert right.item() == pytest.approx(0.1269, abs=1e-4)  # log(1 + e^-2)
    assert wrong.item() == pytest.approx(2.1269, abs=1e-4)  # 2 more


def test_smoothed_labels_are_satisfied_at_their_probability_and_not_beyond():
    # with a smoothing of 0.1 the best probability is 0.95: a difference of log(0.95 / 0.05) = 2.94 between the similarities
    costs = [clip_losses.clip_guidance_loss(PAIR, NORMAL_IMAGE, scale, 0.1).item() for scale in (1.5, 2.94, 6.0)]
    assert costs[1] < costs[0] and costs[1] < costs[2]


def test_nearer_normal_is_the_cost_of_the_normal_label():
    assert clip_losses.clip_guidance_loss(PAIR, LOW_IMAGE, 2.0).item() == pytest.approx(2.1269, abs=1e-4)


def test_a_rank_kept_by_its_margin_costs_nothing_and_a_lost_one_what_is_missing():
    better, worse = torch.tensor([0.9, 0.5]), torch.tensor([0.3, 0.4])
    assert clip_losses.margin_ranking(better[:1], worse[:1], 0.2).item() == 0
    assert clip_losses.margin_ranking(better, worse, 0.2).item() == pytest.approx((0 + 0.1) / 2)


def test_a_rank_weighs_places_by_their_darkness():
    better, worse = torch.tensor([0.9, 0.5]), torch.tensor([0.3, 0.4])
    assert clip_losses.margin_ranking(better, worse, 0.2, torch.tensor([1.0, 3.0])).item() == pytest.approx(0.3 / 4)


def test_equal_features_are_faithful_and_orthogonal_ones_cost_one():
    x, y = torch.zeros(1, 2, 3, 3), torch.zeros(1, 2, 3, 3)
    x[:, 0], y[:, 1] = 5.0, 2.0
    assert clip_losses.feature_fidelity([x, x], [x, 3 * x]).item() == pytest.approx(0, abs=1e-6)
    assert clip_losses.feature_fidelity([x, x], [x, y]).item() == pytest.approx(0.5)


def test_spatial_consistency_is_zero_under_an_even_lift_and_counts_a_lost_step():
    step = grey(0.2)
    step[..., 16:] = 0.5  # regions of 16 px: 0.2, 0.5, 0.5
    assert clip_losses.spatial_consistency(step, step + 0.1).item() == pytest.approx(0, abs=1e-8)
    # flat instead: of the two steps across, one loses 0.3
    assert clip_losses.spatial_consistency(step, grey(0.4)).item() == pytest.approx(0.3**2 / 2, abs=1e-6)


def test_exposure_counts_squared_stops():
    assert clip_losses.exposure(grey(0.25), torch.tensor([0.5])).item() == pytest.approx(1, abs=1e-4)
    assert clip_losses.exposure(grey(0.125), torch.tensor([0.5])).item() == pytest.approx(4, abs=1e-4)


def test_a_grey_world_is_colour_constant():
    assert clip_losses.colour_constancy(grey(0.3)).item() == 0
    red = grey(0.3)
    red[:, 0] += 0.1
    assert clip_losses.colour_constancy(red).item() == pytest.approx(2 * 0.1**2, abs=1e-6)


def test_smoothness_adds_steps_of_gain_and_colour():
    flat, ramp = torch.zeros(1, 1, 2, 3), torch.arange(3.0).expand(1, 1, 2, 3)
    assert clip_losses.smoothness(flat, flat).item() == 0
    assert clip_losses.smoothness(ramp, flat).item() == pytest.approx(1)


def test_distillation_is_the_mean_distance_to_the_start():
    assert clip_losses.distillation(grey(0.5), grey(0.4)).item() == pytest.approx(0.1, abs=1e-3)


def test_gain_normalised_has_the_outputs_mean_and_no_gradient():
    low, output = grey(0.1), grey(0.4).requires_grad_()
    same = clip_losses.gain_normalised(low, output)
    assert clip_losses.mean_luma(same).item() == pytest.approx(0.4) and not same.requires_grad


def test_every_loss_has_finite_gradients_on_a_black_frame():
    low, output = grey(0.0), grey(0.0).requires_grad_()
    same = clip_losses.gain_normalised(low, output)
    terms = [
        clip_losses.spatial_consistency(same, output),
        clip_losses.exposure(output, torch.tensor([0.4])),
        clip_losses.colour_constancy(output),
        clip_losses.distillation(output, low),
        clip_losses.feature_fidelity([same], [output]),
    ]
    torch.stack(terms).sum().backward()
    assert torch.isfinite(output.grad).all()
