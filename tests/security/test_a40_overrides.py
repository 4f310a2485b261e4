"""A40: overrides of a training run named folders and files of the trainer's machine below the top level."""

import pytest

from davy.domain.errors import InvalidInputError
from davy_trainer.service.run_settings import validate_overrides
from davy_trainer.service.settings import TrainerSettings

HOSTILE = [
    {"self_supervised": {"data": ["/etc"]}},
    {"pair": {"low": ["/srv/secret"]}},
    {"pair": {"normal": ["/srv/secret"]}},
    {"enhance": {"start": "/tmp/x"}},
    {"enhance": {"replay": {"data": ["/etc"]}}},
    {"refine": {"weights": ["/tmp/x"]}},
    {"clip": "ViT-B-32:/etc/shadow"},
    {"pair": {"clip": "davy:/etc/shadow"}},
    {"validation": "/etc"},
    {"enhance": {"validation": "/etc"}},
]


@pytest.mark.parametrize("overrides", HOSTILE)
def test_a40_a_request_names_no_folder_and_no_file_at_any_depth(tmp_path, overrides):
    with pytest.raises(InvalidInputError, match=r"the service sets the paths|not the name of a network"):
        validate_overrides(TrainerSettings(data=tmp_path), "retrain", overrides)


def test_a40_the_operators_own_settings_may(tmp_path):
    settings = TrainerSettings(data=tmp_path, overrides={"retrain": {"self_supervised": {"data": [str(tmp_path)]}}})
    assert validate_overrides(settings, "retrain", {"rounds": 1})["self_supervised"]["data"] == [str(tmp_path)]
