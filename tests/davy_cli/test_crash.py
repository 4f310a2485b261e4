"""What ends a program from outside is a sentence."""

import subprocess
import sys

import pytest

from davy_cli.crash import limit_reached


@pytest.mark.system
@pytest.mark.parametrize("program", ["edge --edge north", "aggregator --insecure --port 0 --grpc-port 0"])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_limit_of_threads_is_a_sentence_and_no_crash_of_native_code(tmp_path, threads, program):
    """As in a container with a low pids limit: gRPC ended the process with a segmentation fault."""
    source = f"""
import _thread, itertools, sys, threading
count, start = itertools.count(), threading._start_new_thread
def limited(*words):
    if next(count) >= {threads}:
        raise RuntimeError("can't start new thread")
    return start(*words)
threading._start_new_thread = limited
from davy_cli.main import main
sys.argv = "davy {program}".split()
sys.exit(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False
    )
    assert done.returncode == 1
    assert f"davy {program.split()[0]}: no further thread may start: raise the limit of processes (pids_limit" in done.stderr
    assert not [line for line in done.stderr.splitlines() if line.startswith(("Traceback", "Fatal"))]


def test_other_errors_stay_as_they_are():
    assert limit_reached(RuntimeError("anything else")) == ""
    assert "mem_limit" in limit_reached(MemoryError())
