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


def test_clip_guidance_is_the_cost_of_the_normal_label():
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


def test_fidelity_has_finite_gradients_on_a_black_frame():
    low, output = grey(0.0), grey(0.0).requires_grad_()
    clip_losses.feature_fidelity([low], [output]).backward()
    assert torch.isfinite(output.grad).all()
