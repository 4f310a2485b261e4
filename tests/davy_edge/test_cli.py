import subprocess
import sys

import pytest

MINE = """
site: demo
edges:
  north: {cameras: {face: {source: "file:///x"}}}
  south: {cameras: {face: {source: "file:///x"}}}
"""


def davy_edge(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "davy", "edge", *arguments], capture_output=True, text=True, timeout=60)


@pytest.mark.system
def test_a_missing_file_or_edge_is_one_line_and_status_2(tmp_path):
    (tmp_path / "site.yaml").write_text(MINE)
    missing = davy_edge("--config", str(tmp_path / "none.yaml"))
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    unnamed = davy_edge("--config", str(tmp_path / "site.yaml"))
    assert unnamed.returncode == 2
    assert "choose one by --edge: north, south" in unnamed.stderr


@pytest.mark.system
def test_an_unknown_option_is_a_usage_error():
    wrong = davy_edge("--no-such-option")
    assert wrong.returncode == 2
    assert "No such option" in wrong.stderr
    assert "Traceback" not in wrong.stderr


@pytest.mark.system
def test_an_edge_imports_no_torch_and_no_opencv():
    check = "import sys, davy_edge.cli; print([m for m in ('torch', 'cv2', 'fastapi', 'PIL', 'redis') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
