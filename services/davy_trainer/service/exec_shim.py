"""The shim of a run's process: it writes its pid, limits its cores and priority, and then becomes the command.

python -m davy_trainer.service.exec_shim PID_FILE NICE CORES COMMAND...
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def exec_shim_command(pid_file: Path, nice: int, cores: Sequence[int], arguments: Sequence[str]) -> list[str]:
    """Return the command that runs `davy ARGUMENTS` through the shim."""
    shim = [sys.executable, "-m", "davy_trainer.service.exec_shim", str(pid_file), str(nice), ",".join(map(str, cores))]
    return [*shim, sys.executable, "-m", "davy", *arguments]


def main() -> None:
    pid_file, nice, cores, *command = sys.argv[1:]
    numbers = [int(core) for core in cores.split(",")]
    Path(pid_file).write_text(str(os.getpid()))
    os.sched_setaffinity(0, numbers)
    os.nice(int(nice))
    os.environ.update(dict.fromkeys(THREADS, str(len(numbers))))
    os.execvp(command[0], command)  # the same process: its pid, its group, its lease


if __name__ == "__main__":
    main()
