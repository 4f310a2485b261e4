"""A shim between a process and its command: it sets limits, and then becomes the command. It imports the standard library only.

python -m davy.adapters.process.exec_shim NAME=VALUE... -- COMMAND...
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PR_SET_PDEATHSIG = 1  # of prctl(2)
FIRST_VICTIM = "1000"  # of the kernel's out-of-memory killer, proc(5)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a command.

    Args:
        pid_file: File for the pid; empty writes none.
        nice: Added to the niceness.
        cores: Cores that it may use, separated by commas; empty: all.
        memory_bytes: Maximum address space; 0: no limit. With a limit, a machine without memory ends this process first.
        cpu_s: Maximum processor time of all threads; 0: no limit.
        parent: Pid of the process with which it ends; 0: none.
    """

    pid_file: str = ""
    nice: int = 0
    cores: str = ""
    memory_bytes: int = 0
    cpu_s: int = 0
    parent: int = 0

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return the command that runs the arguments through the shim."""
        values = [f"{field.name}={getattr(self, field.name)}" for field in fields(self) if getattr(self, field.name)]
        return [sys.executable, "-m", "davy.adapters.process.exec_shim", *values, "--", *arguments]

    @classmethod
    def parse(cls, values: Sequence[str]) -> "Limits":
        """Read what `command` writes."""
        texts = dict(value.split("=", 1) for value in values)
        numbers = {name: int(text) for name, text in texts.items() if name not in ("pid_file", "cores")}
        return cls(pid_file=texts.get("pid_file", ""), cores=texts.get("cores", ""), **numbers)

    def apply(self) -> None:
        """Set the limits of this process."""
        if self.pid_file:
            Path(self.pid_file).write_text(str(os.getpid()))
        if self.parent:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != self.parent:  # it has ended meanwhile
                sys.exit(1)
        if self.cores:
            numbers = [int(core) for core in self.cores.split(",")]
            os.sched_setaffinity(0, numbers)
            os.environ.update(dict.fromkeys(THREADS, str(len(numbers))))
            # Threads that spin for each other on busy cores made a training run four times as slow.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        if self.nice:
            os.nice(self.nice)
        if self.memory_bytes:
            with suppress(OSError):  # not on every kernel
                Path("/proc/self/oom_score_adj").write_text(FIRST_VICTIM)
            resource.setrlimit(resource.RLIMIT_AS, (self.memory_bytes, self.memory_bytes))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if self.cpu_s:
            resource.setrlimit(resource.RLIMIT_CPU, (self.cpu_s, self.cpu_s + 1))


def main() -> None:
    """Set the limits and become the command: the same process, with its pid, its group, its lease."""
    end = sys.argv.index("--")
    Limits.parse(sys.argv[1:end]).apply()
    command = sys.argv[end + 1 :]
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
