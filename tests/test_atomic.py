import subprocess
import sys

import pytest

from davy.atomic import write_atomic


def test_a_file_is_old_or_new_and_never_half(tmp_path):
    path = tmp_path / "state.json"
    write_atomic(path, b"old")
    code = "import sys, pathlib; from davy.atomic import write_atomic; write_atomic(pathlib.Path(sys.argv[1]), b'new')"
    words = [sys.executable, "-c", code, str(path)]
    killed = subprocess.run(words, env={"DAVY_FAILPOINT": "atomic.written"}, timeout=20)
    assert killed.returncode == -9
    assert path.read_bytes() == b"old"
    assert subprocess.run(words, timeout=20).returncode == 0
    assert path.read_bytes() == b"new"


def test_f12_a_disk_that_fails_leaves_nothing_half_written(tmp_path):
    with pytest.raises(OSError):
        write_atomic(tmp_path / "folder-is-missing" / "state.json", b"x")
    (tmp_path / "state.json").mkdir()
    with pytest.raises(OSError):
        write_atomic(tmp_path / "state.json", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
