import pytest
from pydantic import ValidationError

from davy.domain.errors import ConfigError
from davy_trainer.stages.iterate import AllSettings, StageRun, iterate, networks, plan_stages, read_settings, write_settings


def settings(tmp_path, **changes):
    return AllSettings.model_validate({"low": (tmp_path / "low",), "normal": (tmp_path / "normal",), **changes})


def names(chosen, tmp_path):
    return [step.folder.name for step in plan_stages(chosen, tmp_path)]


@pytest.fixture
def start(tmp_path):
    (tmp_path / "start.safetensors").write_bytes(b"")
    return tmp_path / "start.safetensors"


def test_two_rounds_have_a_refinement_between_them(tmp_path):
    wanted = ["00-self-supervised", "01-pair", "02-enhance-1", "03-refine-1", "04-enhance-2"]
    assert names(settings(tmp_path), tmp_path) == wanted


def test_a_start_stands_in_for_stage_0_and_prompts_for_stage_1(tmp_path, start):
    assert names(settings(tmp_path, initial_weights=start, rounds=1), tmp_path) == ["01-pair", "02-enhance-1"]
    chosen = settings(tmp_path, initial_weights=start, prompts=tmp_path / "prompts.safetensors", rounds=1)
    assert names(chosen, tmp_path) == ["01-enhance-1"]


def test_ablations_leave_their_stages_out(tmp_path):
    assert names(settings(tmp_path, refined=False), tmp_path) == [
        "00-self-supervised",
        "01-pair",
        "02-enhance-1",
        "03-enhance-2",
    ]
    assert names(settings(tmp_path, guided=False), tmp_path) == ["00-self-supervised", "01-enhance-1", "02-enhance-2"]


def test_versions_are_named_for_a_sheet(tmp_path, start):
    assert list(networks(settings(tmp_path), tmp_path)) == ["stage 0", "round 1", "round 2"]
    assert list(networks(settings(tmp_path, initial_weights=start), tmp_path)) == ["start", "round 1", "round 2"]


def test_a_wrong_setting_of_a_later_stage_is_an_error_before_any_training(tmp_path):
    with pytest.raises(ValidationError, match="clip_wait"):
        plan_stages(settings(tmp_path, enhance={"clip_wait": 1}), tmp_path)


def test_what_is_done_is_skipped_and_a_stop_ends(tmp_path):
    ran = []

    def step(name, finishes):
        (tmp_path / name).mkdir()
        return StageRun(name, tmp_path / name, lambda stop: ran.append(name) or finishes)

    steps = [step("a", True), step("b", False), step("c", True)]
    assert not iterate(steps, lambda: False, lambda text: None)
    assert not iterate(steps, lambda: False, lambda text: None)
    assert ran == ["a", "b", "b"]


def test_settings_come_back_as_they_were(tmp_path):
    chosen = settings(tmp_path, enhance={"steps": 5}, rounds=3)
    write_settings(chosen, tmp_path / "run")
    assert read_settings(tmp_path / "run") == chosen
    with pytest.raises(ConfigError, match="nothing to resume"):
        read_settings(tmp_path)
