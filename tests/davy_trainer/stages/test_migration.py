"""Settings and checkpoints of versions before 0.2 are read under today's names."""

import json
from importlib import import_module

import pytest

from davy.imaging.nets.checkpoint import load_checkpoint, save_checkpoint
from davy_trainer.adapt.settings import AdaptSettings
from davy_trainer.cli.terminal import parse_settings
from davy_trainer.evaluation.ablation import AblateSettings
from davy_trainer.runs.export import export_checkpoint
from davy_trainer.runs.run import begin, fingerprint, resume_training, save, stored_settings
from davy_trainer.stages.all_settings import AllSettings
from davy_trainer.stages.base_settings import BaseSettings
from davy_trainer.stages.iterate import read_settings
from davy_trainer.stages.migration import migrate_facts, renamed_settings
from davy_trainer.stages.self_supervised_settings import SelfSupervisedSettings
from davy_trainer.stages.settings import EnhanceSettings, PairSettings, RefineSettings

KINDS = (
    AblateSettings,
    AdaptSettings,
    AllSettings,
    BaseSettings,
    EnhanceSettings,
    PairSettings,
    RefineSettings,
    SelfSupervisedSettings,
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_renamed_setting_exists_and_its_old_name_is_free(kind):
    renamed = renamed_settings(kind)
    assert set(renamed.values()) <= set(kind.model_fields)
    assert not set(renamed) & set(kind.model_fields)


def test_old_settings_are_read_and_written_under_new_names(tmp_path):
    old = {"samples": tmp_path, "drifted": ["n/face"], "start": tmp_path / "m", "most": 3, "keep_weight": 2.0, "evening": 0.4}
    settings = AdaptSettings.model_validate(old)
    assert (settings.model, settings.max_samples, settings.retention_weight) == (tmp_path / "m", 3, 2.0)
    assert settings.brightness_strength == 0.4
    assert not set(old) & (set(settings.model_dump()) - {"samples", "drifted"})


def test_tables_of_an_old_run_of_all_stages_are_read(tmp_path):
    old = {"low": ["a"], "normal": ["b"], "start": "w", "pair": {"most": 7}, "enhance": {"weights": {"lol": 2.0}}}
    (tmp_path / "all.json").write_text(json.dumps(old))
    settings = read_settings(tmp_path)
    assert str(settings.initial_weights) == "w"
    assert (settings.pair, settings.enhance) == ({"max_pictures": 7}, {"group_weights": {"lol": 2.0}})


def test_a_deprecated_name_on_the_command_line_warns(capsys):
    assert parse_settings(["most=4", "least_crop=0.5"], PairSettings) == {"max_pictures": 4, "min_crop": 0.5}
    assert "most is a deprecated name: use max_pictures" in capsys.readouterr().err


def test_an_old_checkpoint_resumes_and_is_exported(settings, groups, tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save(begin(settings(fixed_exposure_groups=("cats",)), "davy train self-supervised"), groups, path)
    loaded = load_checkpoint(path)
    stored = loaded.facts["settings"]
    for old, new in renamed_settings(SelfSupervisedSettings).items():
        stored[old] = stored.pop(new)
    stored["start"] = "/srv/first/checkpoint.safetensors"
    save_checkpoint(path, loaded)
    chosen, checkpoint = stored_settings(path, SelfSupervisedSettings)
    assert chosen.fixed_exposure_groups == ("cats",)
    assert resume_training(chosen, checkpoint, {"photographs": fingerprint(groups)}, path).step == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(import_module("davy_trainer.runs.export"), "export_onnx", lambda *_: None)
        weights = export_checkpoint(path, tmp_path / "out")[1]
    assert b"/srv" not in weights.read_bytes()


def test_facts_of_an_old_checkpoint_have_new_names():
    assert migrate_facts({"settled": {"share": 1}, "start or prompts": 3, "step": 2}) == {
        "weight_interpolation": {"share": 1},
        "initial weights or prompts": 3,
        "step": 2,
    }
