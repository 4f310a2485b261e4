from dataclasses import replace

import numpy as np
import pytest
import torch

from davy_trainer.objectives.exposure_target import DEFAULT_MEAN_LUMA, log_mean, prior_of


def grey(group, *values, weight=1.0):
    pictures = [np.full((16, 16, 3), value, np.uint8) for value in values]
    return replace(group, pictures=pictures, weight=weight)


def test_the_prior_is_the_mean_in_stops(groups):
    assert log_mean([grey(groups[0], 51, 204)]) == pytest.approx(0.4, abs=1e-5)  # 0.2 and 0.8: two stops apart


def test_a_group_counts_by_its_weight_and_not_by_its_size(groups):
    assert log_mean([grey(groups[0], 51, 51, 51), grey(groups[1], 204)]) == pytest.approx(0.4, abs=1e-5)
    assert log_mean([grey(groups[0], 51), grey(groups[1], 204, weight=3.0)]) == pytest.approx(0.8 * 0.25**0.25, abs=1e-5)


def test_every_picture_gets_the_prior(groups):
    assert torch.allclose(prior_of([grey(groups[0], 102)])(torch.zeros(3, 3, 8, 8), ["a"] * 3), torch.full((3,), 0.4))
    assert prior_of([])(torch.zeros(1, 3, 8, 8), ["a"]).item() == pytest.approx(DEFAULT_MEAN_LUMA)
