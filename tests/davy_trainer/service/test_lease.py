import subprocess
import sys
import time

import pytest
from tests.davy_trainer.service.conftest import kill_9

from davy_trainer.service.lease import Lease
from davy_trainer.service.process import PID, RunProcess

SLEEP = "import time; time.sleep(60)"


def test_only_one_holds_a_lease(tmp_path):
    with Lease(tmp_path / "lock") as first, Lease(tmp_path / "lock") as second:
        assert first.acquire()
        assert not second.acquire()
        first.release()
        assert second.acquire()


def test_a_process_that_inherits_a_lease_keeps_it_until_it_is_killed(tmp_path):
    with Lease(tmp_path / "lock") as ours:
        assert ours.acquire()
        holder = subprocess.Popen([sys.executable, "-c", SLEEP], pass_fds=(ours.fd,))
    with Lease(tmp_path / "lock") as other:
        assert not other.acquire()
        holder.kill()
        holder.wait()
        assert other.acquire()


@pytest.mark.system
def test_a_second_process_object_stands_for_the_first_and_ends_it(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    first, second = RunProcess(folder, tmp_path / "lock"), RunProcess(folder, tmp_path / "lock")
    assert first.start(["mine", "serve", "--port", "0", str(folder)], 0, (0,)) or True
    assert not second.start(["mine"], 0, (0,))
    assert second.alive()
    until_s = time.monotonic() + 20
    while not (folder / PID).exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    kill_9(int((folder / PID).read_text()))
    first.wait(10)
    assert not first.alive()
    assert not second.alive()
    assert (first.status, second.status) == (-9, None)
