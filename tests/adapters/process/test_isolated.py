"""A process with limits: its bombs end it, with a clear error, and nothing else."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from davy.adapters.process.exec_shim import Limits
from davy.adapters.process.isolated import Bounds, IsolatedProcess
from davy.domain.errors import ProcessEndedError

pytestmark = pytest.mark.system

BOUNDS = Bounds(memory_bytes=400_000_000, cpu_s=2, wall_s=30)
MODULE = "tests.fixtures.bombs"


def run(kind: str, bounds: Bounds = BOUNDS) -> list[object]:
    lines: list[object] = []
    IsolatedProcess(MODULE, "bomb.mp4", bounds).run(kind.encode(), lambda line: lines.append(json.loads(line)))
    return lines[1:]


def test_an_answer_comes_back_line_by_line():
    assert run("hello") == ["HELLO"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("memory", "bomb.mp4: it needs more than 400 MB of memory"),
        ("processor", "bomb.mp4: it needs more than 2 s of processor time"),
        ("segv", r"bomb.mp4: it crashed \(SIGSEGV\): it is damaged, or needs more than 400 MB"),
        ("abort", "bomb.mp4: it needs more than 400 MB of memory"),
        ("killed", "bomb.mp4: it was killed"),
        ("bug", "bomb.mp4: it failed; see the log"),
    ],
)
def test_a_bomb_is_a_clear_error(kind, reason):
    with pytest.raises(ProcessEndedError, match=reason):
        run(kind)


def test_a_process_that_waits_for_ever_is_ended():
    with pytest.raises(ProcessEndedError, match=r"it took longer than 1 s"):
        run("sleep", Bounds(400_000_000, 10, wall_s=1))


def test_a_flood_of_complaints_neither_blocks_nor_is_an_answer():
    assert run("noise", Bounds(400_000_000, 60)) == ["done"]


def test_it_gets_no_variable_of_davy(monkeypatch):
    monkeypatch.setenv("DAVY_BROKER", "mqtt://u:s3cret@h")
    assert run("secret") == [[]]


def test_an_error_of_the_reader_ends_it():
    pids: list[int] = []

    def refuse(line: bytes) -> None:
        pids.append(json.loads(line)["pid"])
        raise KeyError("no more")

    with pytest.raises(KeyError):
        IsolatedProcess(MODULE, "x", BOUNDS).run(b"sleep", refuse)
    assert not psutil.pid_exists(pids[0])


def test_it_can_be_killed_from_another_thread():
    process = IsolatedProcess(MODULE, "x", Bounds(400_000_000, 60))
    with pytest.raises(ProcessEndedError, match="it was killed"):
        process.run(b"sleep", lambda _: threading.Timer(0.1, process.kill).start())


def test_it_ends_with_its_parent(tmp_path):
    """kill -9 of a service leaves no decoder behind."""
    text = (
        "import sys\nfrom davy.adapters.process.isolated import Bounds, IsolatedProcess\n"
        f"process = IsolatedProcess({MODULE!r}, 'x', Bounds(400_000_000, 60))\n"
        "process.run(b'sleep', lambda line: print(line.decode(), flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE)
    with parent:
        assert parent.stdout is not None
        pid = json.loads(parent.stdout.readline())["pid"]
        assert psutil.pid_exists(pid)
        os.kill(parent.pid, signal.SIGKILL)
    deadline_s = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert not psutil.pid_exists(pid)


def test_the_shim_sets_pid_file_cores_niceness_and_limits(tmp_path):
    code = (
        "import os, resource as r; print(os.getpid(), sorted(os.sched_getaffinity(0)), os.nice(0),"
        " os.environ['OMP_NUM_THREADS'], r.getrlimit(r.RLIMIT_AS)[0], r.getrlimit(r.RLIMIT_CPU))"
    )
    core = min(os.sched_getaffinity(0))
    limits = Limits(str(tmp_path / "pid = 1"), nice=3, cores=str(core), memory_bytes=500_000_000, cpu_s=7)
    ended = subprocess.run(limits.command([sys.executable, "-c", code]), capture_output=True, text=True, check=True)
    pid = Path(tmp_path / "pid = 1").read_text()
    assert ended.stdout.strip() == f"{pid} [{core}] {os.nice(0) + 3} 1 500000000 (7, 8)"


def test_a_process_that_never_ran_is_closed_and_leaves_nothing():
    process = IsolatedProcess(MODULE, "x", BOUNDS)
    child = process._process
    process.close()
    process.close()
    assert child.returncode is not None
    assert child.stdin.closed and child.stdout.closed and child.stderr.closed
