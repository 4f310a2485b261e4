"""Files and messages of Davy 0.1.0 are read, and what is written can be read by it."""

import json

import pytest

from davy.deployment.model_folder import ModelPointer
from davy.twin.configuration import ConfigState, DesiredConfig, ReportedConfig
from davy.twin.model import DesiredModel, ModelState, ReportedModel
from davy.twin.state_file import StateFile
from davy_aggregator.rollout.rollout import Member
from davy_edge.config.manager import open_state_file

MODEL, OLDER = "a" * 64, "b" * 64
CONFIG = {"enhance": "here", "cameras": {"face": {"source": "rtsp://10.1.0.7/stream"}}}


def test_the_model_pointer_of_0_1_0_is_read_and_kept(tmp_path):
    trial = {"shadow_frames": 0, "shadow_timeout_s": 120.0, "probation_s": 20.0}
    desired = {"model": MODEL, "sha256": OLDER, "size": 3, "key": "k", "epoch": 4, "rollout": "r", "trial": trial}
    reported = {"epoch": 4, "state": "probation", "model": MODEL, "frame_id": "", "target": MODEL, "cause": "", "reason": ""}
    own = {"previous": OLDER, "attempts": 1, "newest": "2026-01-01T00:00:00Z", "desired": desired}
    (tmp_path / "active.json").write_text(json.dumps(reported | {"figures": {}, "boot_id": "", "at_ns": 0} | own))
    file = StateFile(tmp_path, ModelPointer())
    assert (file.pointer.active, file.pointer.previous, file.pointer.state) == (MODEL, OLDER, ModelState.PROBATION)
    assert file.pointer.desired is not None
    assert file.pointer.desired.trial.probation_s == 20.0
    file.update(attempts=2)
    written = json.loads((tmp_path / "active.json").read_text())
    assert (written["model"], written["previous"], written["attempts"]) == (MODEL, OLDER, 2)


def test_the_config_pointer_of_0_1_0_is_read_and_kept(tmp_path):
    pointer = {"epoch": 3, "target": MODEL, "state": "applied", "reason": "", "running": CONFIG, "previous": None}
    (tmp_path / "active.json").write_text(json.dumps(pointer | {"attempts": 0, "gone": ["belt"]}))
    file = open_state_file(tmp_path)
    assert (file.pointer.active, file.pointer.state, file.pointer.gone) == (CONFIG, ConfigState.APPLIED, ("belt",))
    file.update(attempts=1)
    assert json.loads((tmp_path / "active.json").read_text())["running"] == CONFIG


def test_a_member_of_a_rollout_of_0_1_0_is_read():
    report = {"epoch": 4, "state": "active", "model": MODEL, "target": MODEL}
    stored = {"wave": 0, "baseline": {"model": OLDER}, "epoch": 4, "started_ns": 1, "verdict": report, "returned": False}
    member = Member.model_validate(stored)
    assert member.final_report is not None
    assert member.final_report.state is ModelState.ACTIVE
    assert Member.model_validate_json(member.model_dump_json()) == member


REFUSED = " refused_epoch refused_reason"


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        (DesiredModel(epoch=1), "model sha256 size key epoch rollout trial"),
        (ReportedModel(), "epoch state model frame_id target cause reason figures boot_id at_ns" + REFUSED),
        (DesiredConfig(epoch=1, id=MODEL, config=CONFIG), "epoch id config signature"),
        (ReportedConfig(), "epoch target state reason id config boot_id at_ns" + REFUSED),
    ],
)
def test_a_message_has_the_fields_of_0_1_0_and_a_report_those_of_a_refusal(message, fields):
    assert set(json.loads(message.to_bytes())) == set(fields.split())
