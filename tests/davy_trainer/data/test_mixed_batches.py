import numpy as np
import pytest

from davy_trainer.data.mixed_batches import make_mixed
from davy_trainer.data.photographs import load_groups
from davy_trainer.objectives.patches import WHOLE
from davy_trainer.stages.settings import EnhanceSettings


@pytest.fixture
def stage(folder, settings):
    def make(**changes):
        words = {"low": (folder,), "initial_weights": folder, "prompts": folder, "replay": settings(), "steps": 1, "batch": 2}
        return EnhanceSettings.model_validate({**words, "crop_width": 64, "crop_height": 32, "short_side": 96, **changes})

    return make


@pytest.fixture
def low(stage):
    return load_groups(stage().reading, lambda done, total: None)


def test_a_batch_depends_on_seed_and_index_alone(stage, low, groups):
    first, again, other = (make_mixed(low, groups, stage(), index) for index in (3, 3, 4))
    assert np.array_equal(first.low, again.low) and first.views == again.views
    assert np.array_equal(first.replay.low, again.replay.low)
    assert not np.array_equal(first.low, other.low)


def test_the_tensor_is_rgb_in_zero_to_one(stage, low, groups):
    batch = make_mixed(low, groups, stage(), 0)
    tensor = batch.tensor()
    assert tensor.shape == (2, 3, 32, 64) and tensor.max() <= 1
    assert tensor[1, 2, 5, 7].item() == pytest.approx(batch.low[1, 5, 7, 2] / 255)


def test_views_go_round_the_pictures_and_are_whole_without_patches(stage, low, groups):
    assert make_mixed(low, groups, stage(views=3, patch_share=0), 0).views == [(0, WHOLE), (1, WHOLE), (0, WHOLE)]
    assert WHOLE not in [box for _, box in make_mixed(low, groups, stage(views=3, patch_share=1), 0).views]


def test_replay_of_weight_zero_is_not_made(stage, low, groups):
    assert make_mixed(low, groups, stage(replay_weight=0), 0).replay is None
