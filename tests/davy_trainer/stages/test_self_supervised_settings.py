import pytest
from pydantic import ValidationError

from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings


def test_they_survive_json(settings):
    chosen = settings(seed=9)
    assert SelfSupervisedSettings.model_validate(chosen.model_dump(mode="json")) == chosen


def test_they_are_frozen(settings):
    with pytest.raises(ValidationError):
        settings().seed = 3


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"minutes": 5}, "either steps or minutes"),
        ({"steps": None}, "either steps or minutes"),
        ({"mine_share": 0.7, "dark_share": 0.5}, "more than 1"),
        ({"crop_width": 33}, "multiple of 2"),
        ({"learning_rate": 0}, "greater than 0"),
        ({"learning_rat": 1e-3}, "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused(settings, changes, text):
    with pytest.raises(ValidationError, match=text):
        settings(**changes)
