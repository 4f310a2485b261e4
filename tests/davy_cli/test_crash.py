"""What ends a program from outside is a sentence."""

import subprocess
import sys

import pytest

from davy_cli.crash import limit_reached


@pytest.mark.system
def test_a_limit_of_threads_is_a_sentence(tmp_path):
    """As in a container with a low pids limit: the third thread does not start."""
    program = """
import _thread, itertools, sys, threading
count, start = itertools.count(), threading._start_new_thread
def limited(*words):
    if next(count) >= 2:
        raise RuntimeError("can't start new thread")
    return start(*words)
threading._start_new_thread = limited
from davy_cli.main import main
sys.argv = ["davy", "edge", "--edge", "north"]
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False
    )
    assert done.returncode == 1
    assert "davy edge: no further thread may start: raise the limit of processes (pids_limit" in done.stderr
    assert "Traceback" not in done.stderr


def test_other_errors_stay_as_they_are():
    assert limit_reached(RuntimeError("anything else")) == ""
    assert "mem_limit" in limit_reached(MemoryError())
