import stat
from typing import Any

import pytest
from pydantic import Field

from davy.twin.protocol import Pointer
from davy.twin.state_file import StateFile


class LampPointer(Pointer):
    state: str = "off"
    active: Any = Field(None, alias="lamp")
    previous: Any = None


def open_file(folder) -> StateFile[LampPointer]:
    return StateFile(folder, LampPointer())


def full(path, data, mode):
    raise OSError(28, "No space left on device")


def test_a_pointer_is_there_after_a_start(tmp_path):
    open_file(tmp_path).update(epoch=3, active={"watts": 5}, state="on")
    found = open_file(tmp_path).pointer
    assert (found.epoch, found.active, found.state) == (3, {"watts": 5}, "on")


def test_the_file_keeps_the_field_names_of_the_payload(tmp_path):
    open_file(tmp_path).update(active="a")
    assert '"lamp": "a"' in (tmp_path / "active.json").read_text()


def test_an_edge_without_a_file_has_the_initial_pointer(tmp_path):
    assert open_file(tmp_path).pointer == LampPointer()


def test_a_damaged_file_is_put_aside(tmp_path):
    (tmp_path / "active.json").write_text("{")
    assert open_file(tmp_path).pointer == LampPointer()
    assert (tmp_path / "active.damaged").read_text() == "{"


def test_a_full_disk_leaves_the_pointer_unchanged(tmp_path, monkeypatch):
    file = open_file(tmp_path)
    file.update(epoch=1)
    monkeypatch.setattr("davy.twin.state_file.write_atomic", full)
    with pytest.raises(OSError, match="No space"):
        file.update(epoch=2)
    assert file.pointer.epoch == open_file(tmp_path).pointer.epoch == 1


def test_a_full_disk_does_not_keep_an_edge_from_the_truth(tmp_path, monkeypatch):
    file = open_file(tmp_path)
    monkeypatch.setattr("davy.twin.state_file.write_atomic", full)
    file.update(remember=True, epoch=2)
    assert (file.pointer.epoch, open_file(tmp_path).pointer.epoch) == (2, 0)


def test_only_the_edge_s_own_user_reads_it(tmp_path):
    open_file(tmp_path / "config")
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o700


def test_a43_only_its_user_reads_it_even_after_a_file_that_everybody_read(tmp_path):
    (tmp_path / ".active.json.partial").touch(mode=0o644)
    open_file(tmp_path).update(active={"password": "s3cret"})
    assert stat.S_IMODE((tmp_path / "active.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b'{"lamp": "C4nary-pw", "epoch": "C4nary-epoch"}', b'{"lamp": "C4nary-pw'])
def test_a43_a_damaged_file_is_described_without_its_content(tmp_path, content, caplog):
    (tmp_path / "active.json").write_bytes(content)
    assert "C4nary" not in open_file(tmp_path).set_aside + caplog.text
