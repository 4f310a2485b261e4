import subprocess
import sys
import time

import pytest
from tests.davy_trainer.service.conftest import kill_9

from davy_trainer.service.lease import Lease
from davy_trainer.service.process import PID, Child

SLEEP = "import time; time.sleep(60)"


def test_only_one_holds_a_lease(tmp_path):
    with Lease(tmp_path / "lock") as first, Lease(tmp_path / "lock") as second:
        assert first.take()
        assert not second.take()
        first.release()
        assert second.take()


def test_a_process_that_inherits_a_lease_keeps_it_until_it_is_killed(tmp_path):
    with Lease(tmp_path / "lock") as ours:
        assert ours.take()
        held = subprocess.Popen([sys.executable, "-c", SLEEP], pass_fds=(ours.number,))
    with Lease(tmp_path / "lock") as other:
        assert not other.take()
        held.kill()
        held.wait()
        assert other.take()


@pytest.mark.system
def test_a_second_child_is_the_first_and_is_ended_by_whoever_finds_it(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    first, second = Child(folder, tmp_path / "lock"), Child(folder, tmp_path / "lock")
    assert first.begin(["mine", "serve", "--port", "0", str(folder)], 0, (0,)) or True
    assert not second.begin(["mine"], 0, (0,))
    assert second.alive()
    until_s = time.monotonic() + 20
    while not (folder / PID).exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    kill_9(int((folder / PID).read_text()))
    first.wait(10)
    assert not first.alive()
    assert not second.alive()
    assert (first.status, second.status) == (-9, None)
