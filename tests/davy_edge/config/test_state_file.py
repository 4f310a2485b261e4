import stat

import pytest

from davy.twin.configuration import ConfigState
from davy_edge.config.state_file import ConfigDisk, ConfigPointer

CONFIG = {"cameras": {"face": {"source": "mine://face"}}}


def test_what_is_pointed_at_is_there_after_a_start(tmp_path):
    ConfigDisk(tmp_path).point(epoch=3, running=CONFIG, state=ConfigState.APPLIED)
    found = ConfigDisk(tmp_path).pointer
    assert (found.epoch, found.running, found.state) == (3, CONFIG, ConfigState.APPLIED)


def test_an_edge_that_was_never_told_anything_has_no_configuration_of_its_own(tmp_path):
    assert ConfigDisk(tmp_path).pointer == ConfigPointer()


def test_a_damaged_file_is_put_aside(tmp_path):
    (tmp_path / "active.json").write_text("{")
    assert ConfigDisk(tmp_path).pointer == ConfigPointer()
    assert (tmp_path / "active.damaged").read_text() == "{"


def test_a_disk_that_takes_nothing_leaves_the_pointer_as_it_was(tmp_path, monkeypatch):
    disk = ConfigDisk(tmp_path)
    disk.point(epoch=1)

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("davy_edge.config.state_file.write_atomic", full)
    with pytest.raises(OSError, match="No space"):
        disk.point(epoch=2)
    assert disk.pointer.epoch == ConfigDisk(tmp_path).pointer.epoch == 1


def test_only_the_edge_s_own_user_reads_it(tmp_path):
    ConfigDisk(tmp_path / "config")
    assert stat.S_IMODE((tmp_path / "config").stat().st_mode) == 0o700
