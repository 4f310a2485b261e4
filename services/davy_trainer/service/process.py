"""The process of a run, started here or by an earlier service on the data folder."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from davy.adapters.process.exec_shim import Limits
from davy_trainer.service.lease import Lease

PID, LOG = "pid", "train.log"
LOG_TAIL_BYTES = 4000
PROGRESS = "progress.jsonl"


def davy_command(arguments: Sequence[str]) -> list[str]:
    """The command line of `davy ARGUMENTS`."""
    return [sys.executable, "-m", "davy", *arguments]


class RunProcess:
    """At most one process lives per lease; calls return at once.

    Args:
        folder: Folder of the run; holds PID, LOG and PROGRESS.
        lease: File of the lease that the process holds while it lives.
    """

    def __init__(self, folder: Path, lease: Path) -> None:
        self.folder, self._lease = folder, Lease(lease)
        self._process: subprocess.Popen[bytes] | None = None
        self._stop_sent = False

    def start(self, arguments: Sequence[str], nice: int, cores: Sequence[int]) -> bool:
        """Start `davy ARGUMENTS`; return False if a process lives already, which this object then stands for.

        Raises:
            OSError: The process cannot be started, or the disk is full.
        """
        self._stop_sent = False
        if not self._lease.acquire():
            return False
        with self._lease, (self.folder / LOG).open("ab") as log:
            assert self._lease.fd is not None
            (self.folder / PID).unlink(missing_ok=True)
            limits = Limits(str(self.folder / PID), nice, ",".join(map(str, cores)))
            self._process = subprocess.Popen(
                limits.command(davy_command(arguments)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "DAVY_PROGRESS": str(self.folder / PROGRESS), "COLUMNS": "200"},
                pass_fds=(self._lease.fd,),
                start_new_session=True,
            )
        return True

    def alive(self) -> bool:
        """Return whether the process, or a process that it started, still runs."""
        if self._process is not None and self._process.poll() is None:
            return True
        if self._process is not None:
            self._kill_group(self._process.pid)
        if free := self._lease.acquire():
            self._lease.release()
        return not free

    @property
    def status(self) -> int | None:
        """Exit status, negative for a signal; None if another service started the process."""
        return self._process.returncode if self._process is not None else None

    def stop(self) -> None:
        """Request, once, that the process writes a checkpoint and ends."""
        if not self._stop_sent and (pid := self._pid()) is not None:
            self._stop_sent = True
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def wait(self, timeout_s: float) -> None:
        """Wait until the process has ended, at most timeout_s."""
        deadline_s = time.monotonic() + timeout_s
        while self.alive() and time.monotonic() < deadline_s:
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the process and all processes that it started."""
        if (pid := self._pid()) is not None:
            self._kill_group(pid)

    def last_line(self) -> str:
        """Return the last line of the process's output."""
        path = self.folder / LOG
        if not path.is_file():
            return ""
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
            lines = [line.strip() for line in log.read().decode("utf-8", "replace").splitlines()]
        return next((line for line in reversed(lines) if line), "")[:500]

    def _pid(self) -> int | None:
        if self._process is not None:
            return self._process.pid
        with contextlib.suppress(OSError, ValueError):
            pid = int((self.folder / PID).read_text())
            if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():  # after a reboot it may be another's
                return pid
        return None

    @staticmethod
    def _kill_group(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
